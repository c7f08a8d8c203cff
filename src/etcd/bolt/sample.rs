//! A small database as bbolt lays it out, for tests: two meta pages, a free list, a root leaf, and one leaf per bucket, with a
//! branch above when a bucket has several.

use super::page::checksum;

const SIZE: usize = 4096;

type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// A leaf or branch page; entries of a branch have the page number as their flags and value.
fn page(number: u64, flags: u16, entries: &[(u64, Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let mut table = Vec::new();
    let mut data = Vec::new();
    for (nth, (mark, key, value)) in entries.iter().enumerate() {
        let place = u32::try_from((entries.len() - nth) * 16 + data.len()).unwrap();
        let key_length = u32::try_from(key.len()).unwrap();
        let value_length = u32::try_from(value.len()).unwrap();
        if flags == 1 {
            table.extend([place.to_le_bytes(), key_length.to_le_bytes()].concat());
            table.extend(mark.to_le_bytes());
        } else {
            let mark = u32::try_from(*mark).unwrap();
            table.extend([mark, place, key_length, value_length].map(u32::to_le_bytes).concat());
        }
        data.extend([key.as_slice(), value.as_slice()].concat());
    }
    let body = [table, data].concat();
    let pages = (16 + body.len()).div_ceil(SIZE);
    let mut bytes = number.to_le_bytes().to_vec();
    bytes.extend(flags.to_le_bytes());
    bytes.extend(u16::try_from(entries.len()).unwrap().to_le_bytes());
    bytes.extend(u32::try_from(pages - 1).unwrap().to_le_bytes());
    bytes.extend(body);
    bytes.resize(pages * SIZE, 0);
    bytes
}

fn meta(number: u64, root: u64, end: u64) -> Vec<u8> {
    let mut body = [0xED0C_DAED_u32, 2, u32::try_from(SIZE).unwrap(), 0].map(u32::to_le_bytes).concat();
    body.extend([root, 0, 2, end, 10 + number].map(u64::to_le_bytes).concat());
    body.extend(checksum(&body).to_le_bytes());
    let mut bytes = number.to_le_bytes().to_vec();
    bytes.extend(4u16.to_le_bytes());
    bytes.resize(16, 0);
    bytes.extend(body);
    bytes.resize(SIZE, 0);
    bytes
}

/// A database with these buckets; `per_page` is the number of keys in a leaf.
pub fn bolt(buckets: &[(&str, Pairs)], per_page: usize) -> Vec<u8> {
    let mut pages: Vec<Vec<u8>> = vec![page(2, 0x10, &[])];
    let next = |pages: &[Vec<u8>]| 2 + (pages.iter().map(Vec::len).sum::<usize>() / SIZE) as u64;
    let mut root = Vec::new();
    for (name, pairs) in buckets {
        let mut leaves = Vec::new();
        for part in pairs.chunks(per_page) {
            let number = next(&pages);
            let entries: Vec<_> = part.iter().map(|(key, value)| (0, key.clone(), value.clone())).collect();
            leaves.push((number, part[0].0.clone(), Vec::new()));
            pages.push(page(number, 2, &entries));
        }
        let value = match leaves.as_slice() {
            [] => [0u64.to_le_bytes().to_vec(), vec![0; 8], page(0, 2, &[])[..16].to_vec()].concat(),
            [(number, ..)] => [number.to_le_bytes(), [0; 8]].concat(),
            _ => {
                let number = next(&pages);
                pages.push(page(number, 1, &leaves));
                [number.to_le_bytes(), [0; 8]].concat()
            }
        };
        root.push((1, name.as_bytes().to_vec(), value));
    }
    root.sort_by(|a, b| a.1.cmp(&b.1));
    let number = next(&pages);
    pages.push(page(number, 2, &root));
    let end = next(&pages);
    [meta(0, number, end), meta(1, number, end), pages.concat()].concat()
}
