//! The learning curve, as a table and as a picture.

use super::evaluate::Accuracy;
use crate::scenes::QuestionType;
use serde::{Deserialize, Serialize};
use std::fmt::Write;

/// Means over the steps since the point before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Steps done.
    pub step: usize,
    /// Time spent, in minutes.
    pub minutes: f64,
    /// Learning rate of the last step.
    pub learning_rate: f64,
    /// Loss of the patch labels, in nats.
    pub patch_loss: f32,
    /// Loss of the answers, in nats for each token; `None` in the vision stage.
    pub answer_loss: Option<f32>,
    /// Shares of right answers on held-out scenes, where they were taken: over all questions, then by type in the
    /// order of [`QuestionType::ALL`].
    pub accuracy: Option<(f32, [f32; 4])>,
}

/// The points of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// In the order of their steps.
    pub points: Vec<Point>,
}

impl Point {
    /// The figures of an evaluation, as a point keeps them.
    pub(super) fn accuracy_of(accuracy: &Accuracy) -> (f32, [f32; 4]) {
        (
            accuracy.all.share(),
            accuracy.by_type.each_ref().map(|tally| tally.share()),
        )
    }
}

impl Curve {
    /// One line for each point, a header first, comma-separated; what was not measured is empty.
    pub fn to_csv(&self) -> String {
        let names = QuestionType::ALL.map(QuestionType::name).join(",");
        let mut csv =
            format!("step,minutes,learning_rate,patch_loss,answer_loss,accuracy,{names}\n");
        for point in &self.points {
            let mut cells = vec![
                point.step.to_string(),
                format!("{:.2}", point.minutes),
                format!("{:.3e}", point.learning_rate),
                format!("{:.4}", point.patch_loss),
                point
                    .answer_loss
                    .map_or(String::new(), |loss| format!("{loss:.4}")),
            ];
            let shares = match point.accuracy {
                Some((all, by_type)) => [all].into_iter().chain(by_type).map(Some).collect(),
                None => vec![None; 1 + QuestionType::ALL.len()],
            };
            cells.extend(
                shares
                    .into_iter()
                    .map(|s| s.map_or(String::new(), |s| format!("{s:.4}"))),
            );
            csv.push_str(&cells.join(","));
            csv.push('\n');
        }
        csv
    }

    /// Losses above, accuracies below, over the steps.
    pub fn to_svg(&self) -> String {
        let last = self.points.last().map_or(1, |point| point.step.max(1));
        let line = |of: &dyn Fn(&Point) -> Option<f32>| -> Vec<(usize, f32)> {
            self.points
                .iter()
                .filter_map(|p| Some((p.step, of(p)?)))
                .collect()
        };
        let losses = [
            ("patch loss", line(&|p| Some(p.patch_loss))),
            ("answer loss", line(&|p| p.answer_loss)),
        ];
        let mut accuracies = vec![("all", line(&|p| Some(p.accuracy?.0)))];
        for (index, kind) in QuestionType::ALL.into_iter().enumerate() {
            accuracies.push((kind.name(), line(&|p| Some(p.accuracy?.1[index]))));
        }
        let highest = losses
            .iter()
            .flat_map(|(_, l)| l)
            .map(|&(_, v)| v)
            .fold(0.1, f32::max);
        let mut svg = String::from(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 720 520\" font-family=\"sans-serif\" \
             font-size=\"12\">\n<rect width=\"720\" height=\"520\" fill=\"white\"/>\n",
        );
        panel(&mut svg, 20.0, "loss, nats", highest, last, &losses);
        panel(
            &mut svg,
            270.0,
            "right answers on held-out scenes",
            1.0,
            last,
            &accuracies,
        );
        svg.push_str("</svg>\n");
        svg
    }
}

/// Tableau's colours, which stay apart for most colour-blind readers.
const COLOURS: [&str; 5] = ["#333333", "#4e79a7", "#f28e2b", "#59a14f", "#e15759"];

/// One set of axes, 560 wide and 190 high, with its lines and their names. Writing to a `String` cannot fail.
fn panel(
    svg: &mut String,
    top: f32,
    title: &str,
    highest: f32,
    last: usize,
    lines: &[(&str, Vec<(usize, f32)>)],
) {
    let (left, width, height) = (50.0, 560.0, 190.0);
    let bottom = top + height;
    let x = |step: usize| left + width * step as f32 / last as f32;
    let y = |value: f32| bottom - height * (value / highest).clamp(0.0, 1.0);
    let _ = writeln!(svg, "<text x=\"{left}\" y=\"{}\">{title}</text>", top - 5.0);
    for quarter in 0..=4 {
        let value = highest * quarter as f32 / 4.0;
        let step = last * quarter / 4;
        let _ = writeln!(
            svg,
            "<path d=\"M{left} {0:.1}h{width}\" stroke=\"#ddd\"/><text x=\"{1}\" y=\"{2:.1}\" \
             text-anchor=\"end\">{value:.2}</text><text x=\"{3:.1}\" y=\"{4}\" text-anchor=\"middle\">{step}</text>",
            y(value),
            left - 6.0,
            y(value) + 4.0,
            x(step),
            bottom + 16.0,
        );
    }
    for (index, (name, points)) in lines.iter().enumerate() {
        let colour = COLOURS[index % COLOURS.len()];
        let path: Vec<String> = points
            .iter()
            .map(|&(step, v)| format!("{:.1},{:.1}", x(step), y(v)))
            .collect();
        let _ = writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\"/>\
             <text x=\"{}\" y=\"{}\" fill=\"{colour}\">{name}</text>",
            path.join(" "),
            left + width + 8.0,
            top + 14.0 + 18.0 * index as f32,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_and_the_picture_hold_every_point() {
        let point = |step, accuracy| Point {
            step,
            minutes: 0.5,
            learning_rate: 1e-3,
            patch_loss: 2.0,
            answer_loss: accuracy,
            accuracy: accuracy.map(|a| (a, [0.1, 0.2, 0.3, 0.4])),
        };
        let curve = Curve {
            points: vec![point(50, None), point(100, Some(0.25))],
        };
        assert_eq!(
            curve.to_csv(),
            "step,minutes,learning_rate,patch_loss,answer_loss,accuracy,colour,shape,count,exists\n\
             50,0.50,1.000e-3,2.0000,,,,,,\n\
             100,0.50,1.000e-3,2.0000,0.2500,0.2500,0.1000,0.2000,0.3000,0.4000\n"
        );
        let svg = curve.to_svg();
        // The patch loss runs along the top of its panel, from the middle to the right.
        assert!(svg.contains("points=\"330.0,20.0 610.0,20.0\""), "{svg}");
        assert!(
            svg.contains(&format!("points=\"610.0,{:.1}\"", 460.0 - 0.4 * 190.0)),
            "{svg}"
        );
        assert_eq!(svg.matches("<polyline").count(), 7);
    }
}
