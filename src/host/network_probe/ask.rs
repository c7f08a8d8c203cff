//! Puts the questions of a test, all at once and each until it succeeds or was tried five times.

use super::names::{self, Resolver};
use super::packet;
use super::sockets::{self, TRY};
use crate::base::env::Clock;
use crate::base::parallel::for_each_of;
use crate::domain::network_probe::{Answer, Ask, Failure, MOST, Question};

/// A new rule of kube-proxy takes a second or two.
const TRIES: u32 = 5;
/// Most of the time a question waits.
const AT_ONCE: usize = 128;

/// The answers, in the order of the questions.
pub fn ask_all(questions: &[Question], resolv_conf: &str, clock: &Clock) -> Vec<Answer> {
    let resolver = Resolver::parse(resolv_conf);
    let questions = questions.get(..MOST.min(questions.len())).unwrap_or_default();
    for_each_of(questions, AT_ONCE, |question| ask(question, &resolver, clock))
}

fn ask(question: &Question, resolver: &Resolver, clock: &Clock) -> Answer {
    let mut tries = 0;
    loop {
        tries += 1;
        let start = clock.monotonic();
        let result = once(question, resolver);
        let took = clock.monotonic().saturating_sub(start);
        let answer = |failure, (bytes, mtu)| {
            let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
            Answer { id: question.id, tries, millis, failure, bytes, mtu }
        };
        match result {
            Ok(sizes) => return answer(None, sizes),
            Err(failure) if tries == most(question) || failure == Failure::Local => {
                let sizes = match (&question.ask, question.at) {
                    (Ask::Packet, Some(at)) => packet::largest(at),
                    _ => (None, None),
                };
                return answer(Some(failure), sizes);
            }
            Err(_) => clock.sleep(TRY.saturating_sub(took)),
        }
    }
}

/// A complete name is one outside the cluster, for which nothing has to become ready.
fn most(question: &Question) -> u32 {
    match &question.ask {
        Ask::Name { name, .. } if name.ends_with('.') => 2,
        _ => TRIES,
    }
}

/// Of packets: the largest that came back, and the size of the interface.
type Sizes = (Option<u32>, Option<u32>);

/// One try.
fn once(question: &Question, resolver: &Resolver) -> Result<Sizes, Failure> {
    if let Ask::Name { name, v6 } = &question.ask {
        return names::look_up(resolver, question.at, name, *v6).map(|()| (None, None));
    }
    let at = question.at.ok_or(Failure::Local)?;
    match question.ask {
        Ask::Connect => {
            let own = sockets::connect(at)?.local_addr().ok();
            Ok((None, own.and_then(|own| packet::mtu(own.ip()))))
        }
        Ask::Stream(bytes) => sockets::stream(at, bytes).map(|()| (None, None)),
        Ask::Datagram => sockets::datagram(at).map(|()| (None, None)),
        Ask::Packet => packet::full(at).map(|size| (Some(size), Some(size))),
        Ask::Name { .. } => Err(Failure::Local),
    }
}
