//! Places and lengths on a scale, as percentages for the attributes of SVG.

use serde::Serialize;

/// A shorter bar could not be seen.
const SHORTEST: f64 = 0.4;

/// A bar on a scale.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Bar {
    pub x: String,
    pub width: String,
    /// The class that colours it.
    pub kind: &'static str,
}

/// A mark on a scale.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tick {
    pub x: String,
    pub label: String,
}

/// A scale from 0 to its end.
#[derive(Clone, Copy, Debug)]
pub struct Scale(f64);

impl Scale {
    pub fn to(end: f64) -> Self {
        Self(end.max(f64::MIN_POSITIVE))
    }

    /// The part of a bar that is on the scale.
    pub fn bar(self, from: f64, to: f64, kind: &'static str) -> Bar {
        let width = (self.percent(to) - self.percent(from)).max(SHORTEST);
        let x = self.percent(from).min(100.0 - width);
        Bar { x: percentage(x), width: percentage(width), kind }
    }

    pub fn place(self, at: f64) -> String {
        percentage(self.percent(at))
    }

    fn percent(self, at: f64) -> f64 {
        (at / self.0 * 100.0).clamp(0.0, 100.0)
    }

    /// Marks at multiples of the first step with which there are at most `most`; none close to the end, where a label has no
    /// room.
    pub fn ticks(self, steps: &[u32], most: u32, label: impl Fn(u32) -> String) -> Vec<Tick> {
        const ROOM: f64 = 0.94;
        let has_room = |at: u32| f64::from(at) < self.0 * ROOM;
        let Some(step) = steps.iter().find(|step| !has_room(**step * (most + 1))) else { return Vec::new() };
        let multiples = (1..=most).map(|number| step * number).take_while(|at| has_room(*at));
        multiples.map(|at| Tick { x: self.place(f64::from(at)), label: label(at) }).collect()
    }
}

fn percentage(value: f64) -> String {
    let text = format!("{value:.2}");
    format!("{}%", text.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_stay_on_the_scale_and_can_be_seen() {
        let scale = Scale::to(200.0);
        assert_eq!(scale.bar(50.0, 100.0, "ran"), Bar { x: "25%".into(), width: "25%".into(), kind: "ran" });
        assert_eq!(scale.bar(200.0, 200.0, "ran"), Bar { x: "99.6%".into(), width: "0.4%".into(), kind: "ran" });
        assert_eq!(scale.bar(150.0, 900.0, "ran").width, "25%");
        assert_eq!(Scale::to(0.0).bar(0.0, 0.0, "ran").x, "0%");
    }

    #[test]
    fn ticks_are_few_and_round() {
        let labels = |end: f64| {
            let ticks = Scale::to(end).ticks(&[1, 5, 10, 60], 4, |at| at.to_string());
            ticks.into_iter().map(|tick| tick.label).collect::<Vec<_>>()
        };
        assert_eq!(labels(4.0), ["1", "2", "3"]);
        assert_eq!(labels(22.0), ["5", "10", "15", "20"]);
        assert_eq!(labels(1e9), [] as [&str; 0]);
    }
}
