//! containerd's configuration: cgroup driver, sandbox image, CRI.
//!
//! One value changes, in the file that has priority; comments and everything else are kept. containerd must accept the
//! new file, and have the wanted setting with it, before it replaces the old one. It reads its configuration only at
//! its start, so it is restarted; running containers are not affected. After that the merged configuration is read
//! again: if the setting is not in effect, the old file is restored.

use super::bench::Bench;
use crate::base::fault::Result;
use crate::checks::containerd::{
    CRI_PLUGINS, ConfigFile, ContainerdError, Document, Installation, SERVICE, Schema, Settings, load, not_editable,
};
use crate::host::Host;
use std::rc::Rc;
use toml_edit::Value;

mod verify;

/// The type of runc, without which containerd rejects its options.
const RUNC: &str = "io.containerd.runc.v2";

/// Sets the cgroup driver of every runtime that has the option.
pub(super) fn set_cgroup_driver(bench: &mut Bench<'_>, driver: &str) -> Result<()> {
    let containerd = Containerd::find(bench)?;
    let systemd = driver == "systemd";
    let now = Settings::now(bench.host, &containerd.installation)?;
    let names: Vec<String> = now.without_driver(systemd).into_iter().map(|runtime| runtime.name.clone()).collect();
    let edit = |file: &mut ConfigFile, schema: &Schema| {
        for name in &names {
            let runtime = [schema.runtimes(), vec![name.as_str()]].concat();
            let kind = [runtime.as_slice(), &["runtime_type"]].concat();
            if file.document.get(&kind).is_none() {
                let known = now.runtime(name).map(|runtime| runtime.kind.as_str()).filter(|kind| !kind.is_empty());
                set(file, &kind, known.unwrap_or(RUNC))?;
            }
            set(file, &[runtime.as_slice(), &["options", "SystemdCgroup"]].concat(), systemd)?;
        }
        Ok(())
    };
    let wanted = names.clone();
    let wrong: Wrong = Rc::new(move |then| {
        let names = &wanted;
        let wrong = then.without_driver(systemd);
        let changed: Vec<&str> = wrong.iter().map(|runtime| runtime.name.as_str()).collect();
        let has_kind = |name: &&String| then.runtime(name).is_some_and(|runtime| !runtime.kind.is_empty());
        (!changed.is_empty() || names.iter().filter(has_kind).count() != names.len()).then(|| {
            format!(
                "another cgroup driver for {}",
                if changed.is_empty() { names.join(", ") } else { changed.join(", ") }
            )
        })
    });
    let place = |schema: &Schema| schema.runtimes();
    let what = match names.as_slice() {
        [] | [_] => format!("containerd uses the cgroup driver {driver}"),
        names => format!("containerd uses the cgroup driver {driver} for {}", names.join(", ")),
    };
    containerd.change_last(bench, &place, &edit, &wrong, &what)
}

/// Sets the sandbox image.
pub(super) fn set_sandbox_image(bench: &mut Bench<'_>, image: &str) -> Result<()> {
    let containerd = Containerd::find(bench)?;
    let edit = |file: &mut ConfigFile, schema: &Schema| set(file, &schema.sandbox(), image);
    let wanted = image.to_owned();
    let wrong: Wrong = Rc::new(move |then| {
        let found = then.sandbox_image.as_deref();
        (found != Some(&wanted)).then(|| format!("the sandbox image {}", found.unwrap_or("of its default")))
    });
    let place = |schema: &Schema| schema.sandbox();
    containerd.change_last(bench, &place, &edit, &wrong, &format!("containerd uses the sandbox image {image}"))
}

/// Removes the CRI from the disabled plugins, in every file; other plugins stay disabled.
pub(super) fn enable_cri(bench: &mut Bench<'_>) -> Result<()> {
    let containerd = Containerd::find(bench)?;
    let mut changed = Vec::new();
    for file in &containerd.files {
        let mut file = file.clone();
        let removed = file.document.remove_items(&["disabled_plugins"], |plugin| CRI_PLUGINS.contains(&plugin));
        if removed.map_err(|error| not_editable(&file.path, &error))? {
            changed.push(file);
        }
    }
    let wrong: Wrong = Rc::new(|then| {
        (!then.disabled.is_empty()).then(|| format!("{} in disabled_plugins", then.disabled.join(", ")))
    });
    if changed.is_empty() {
        changed.extend(containerd.files.first().cloned());
    }
    containerd.store(bench, &changed, &wrong, "containerd's CRI plugin is enabled")
}

fn set(file: &mut ConfigFile, key: &[&str], value: impl Into<Value>) -> Result<()> {
    file.document.set(key, value).map_err(|error| not_editable(&file.path, &error))?;
    Ok(())
}

/// Returns the effective setting if it differs from the wanted one.
type Wrong = Rc<dyn Fn(&Settings) -> Option<String>>;
/// Edits a file that follows a schema.
type Edit<'a> = &'a dyn Fn(&mut ConfigFile, &Schema) -> Result<()>;

/// A containerd and its configuration files; at least the main one, which may be new.
struct Containerd {
    installation: Installation,
    files: Vec<ConfigFile>,
}

impl Containerd {
    fn find(bench: &Bench<'_>) -> Result<Self> {
        let installation = Installation::find(bench.host).ok_or(ContainerdError::NotContainerd)?;
        let mut files = load(&bench.host.files, &installation.config)?;
        if files.is_empty() {
            // Without a file containerd uses its defaults; a new file needs a schema version.
            let path = installation.config.clone();
            let document =
                Document::parse(installation.head(bench.host)).map_err(|error| not_editable(&path, &error))?;
            files.push(ConfigFile { path, document });
        }
        Ok(Self { installation, files })
    }

    /// Changes the last file with the plugin of `place`, because containerd 1.x uses a whole plugin from the last file
    /// that contains it, and 2.x each single value; otherwise the main file.
    fn change_last(
        &self,
        bench: &mut Bench<'_>,
        place: &dyn Fn(&Schema) -> Vec<&'static str>,
        edit: Edit<'_>,
        wrong: &Wrong,
        what: &str,
    ) -> Result<()> {
        let mut chosen = self.files.first();
        for file in &self.files {
            let place = place(Schema::of(&file.path, &file.document)?);
            if file.document.get(place.get(..2).unwrap_or_default()).is_some() {
                chosen = Some(file);
            }
        }
        let Some(chosen) = chosen else { return Err(ContainerdError::NotContainerd.into()) };
        let mut file = chosen.clone();
        edit(&mut file, Schema::of(&chosen.path, &chosen.document)?)?;
        let what = if file.path == self.installation.config {
            what.to_owned()
        } else {
            format!("{what} (in {}, which overrides other files)", file.path.display())
        };
        let first = match self.check(bench, std::slice::from_ref(&file), wrong) {
            Ok(()) => return self.write(bench, &[file], wrong, &what),
            Err(first) => first,
        };
        // containerd 2.x ignores the plugins of a file without a version.
        let mut file = chosen.clone();
        let is_bare = ["version", "plugins"].iter().all(|key| file.document.get(&[key]).is_none());
        if !is_bare || !file.document.strings(&["disabled_plugins"]).is_empty() {
            return Err(first);
        }
        set(&mut file, &["version"], 2_i64)?;
        let schema = Schema::of(&chosen.path, &file.document)?;
        edit(&mut file, schema)?;
        self.check(bench, std::slice::from_ref(&file), wrong).map_err(|_| first)?;
        self.write(bench, &[file], wrong, &what)
    }

    fn store(&self, bench: &mut Bench<'_>, changed: &[ConfigFile], wrong: &Wrong, what: &str) -> Result<()> {
        self.check(bench, changed, wrong)?;
        self.write(bench, changed, wrong, what)
    }

    /// Lets containerd parse the changed files, and compares the effective setting with the wanted one.
    fn check(&self, bench: &Bench<'_>, changed: &[ConfigFile], wrong: &Wrong) -> Result<()> {
        let Some(dump) = verify::in_force(bench.host, &self.installation, &self.files, changed)? else { return Ok(()) };
        let then = Settings::of(&self.installation.config, &dump)?;
        match (wrong(&then), changed.first()) {
            (Some(found), Some(file)) => {
                Err(ContainerdError::Overridden { file: file.path.display().to_string(), found }.into())
            }
            _ => Ok(()),
        }
    }

    fn write(&self, bench: &mut Bench<'_>, changed: &[ConfigFile], wrong: &Wrong, what: &str) -> Result<()> {
        for file in changed {
            let (installation, wrong) = (self.installation.clone(), Rc::clone(wrong));
            let proof = move |host: &Host| match Settings::now(host, &installation) {
                Ok(then) => wrong(&then).map_or(Ok(()), |found| Err(format!("it still has {found}"))),
                Err(error) => Err(format!("whether that had an effect could not be read: {error}")),
            };
            let text = file.document.to_string();
            bench.write_and_restart((&file.path, &text), what, SERVICE, Box::new(proof))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
