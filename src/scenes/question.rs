//! Questions about a scene, in several phrasings, with the right answers.

use super::scene::{MAX_OBJECTS, Scene};
use super::split::Split;
use super::words::{Colour, Shape, is_held_out};
use rand::{Rng, RngExt};

/// What kind of word a question asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum QuestionType {
    /// "what colour is the circle?"
    Colour,
    /// "which shape is red?"
    Shape,
    /// "how many circles are there?"
    Count,
    /// "is there a red circle?"
    Exists,
}

impl QuestionType {
    /// All of them.
    pub const ALL: [QuestionType; 4] = [
        QuestionType::Colour,
        QuestionType::Shape,
        QuestionType::Count,
        QuestionType::Exists,
    ];

    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            QuestionType::Colour => "colour",
            QuestionType::Shape => "shape",
            QuestionType::Count => "count",
            QuestionType::Exists => "exists",
        }
    }
}

/// A question, before it is put into words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Question {
    /// The colour of the only object of this shape.
    Colour(Shape),
    /// The shape of the only object of this colour.
    Shape(Colour),
    /// The number of objects of a colour and a shape; `None` stands for any.
    Count(Option<Colour>, Option<Shape>),
    /// Whether there is an object of a colour and a shape; `None` stands for any.
    Exists(Option<Colour>, Option<Shape>),
}

/// A question in words and its right answer: a single word in lower case, or a digit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// What is asked.
    pub question: Question,
    /// The question in words.
    pub text: String,
    /// The right answer.
    pub answer: &'static str,
}

impl Question {
    /// What kind of word it asks for.
    pub fn question_type(self) -> QuestionType {
        match self {
            Question::Colour(_) => QuestionType::Colour,
            Question::Shape(_) => QuestionType::Shape,
            Question::Count(..) => QuestionType::Count,
            Question::Exists(..) => QuestionType::Exists,
        }
    }

    /// The right answer, or `None` where the scene has no single one
    /// (the colour of "the circle" where there are two or none).
    pub fn answer(self, scene: &Scene) -> Option<&'static str> {
        const DIGITS: [&str; MAX_OBJECTS + 1] = ["0", "1", "2", "3", "4", "5"];
        match self {
            Question::Colour(shape) => {
                let mut found = scene.objects.iter().filter(|o| o.shape == shape);
                let first = found.next()?;
                found.next().is_none().then(|| first.colour.name())
            }
            Question::Shape(colour) => {
                let mut found = scene.objects.iter().filter(|o| o.colour == colour);
                let first = found.next()?;
                found.next().is_none().then(|| first.shape.name())
            }
            Question::Count(colour, shape) => DIGITS.get(scene.count(colour, shape)).copied(),
            Question::Exists(colour, shape) => Some(if scene.count(colour, shape) > 0 {
                "yes"
            } else {
                "no"
            }),
        }
    }

    /// Whether the question is about a pair that training never sees: it names one, or the object
    /// it asks for is one.
    pub fn concerns_held_out(self, scene: &Scene) -> bool {
        match self {
            Question::Colour(shape) => scene
                .objects
                .iter()
                .any(|o| o.shape == shape && is_held_out(o.colour, shape)),
            Question::Shape(colour) => scene
                .objects
                .iter()
                .any(|o| o.colour == colour && is_held_out(colour, o.shape)),
            Question::Count(Some(c), Some(s)) | Question::Exists(Some(c), Some(s)) => {
                is_held_out(c, s)
            }
            Question::Count(..) | Question::Exists(..) => false,
        }
    }

    /// A random question of a type that this scene can answer; `None` if there is none.
    pub fn random(
        rng: &mut impl Rng,
        scene: &Scene,
        split: Split,
        kind: QuestionType,
    ) -> Option<Self> {
        match kind {
            QuestionType::Colour => {
                let once = Shape::ALL
                    .into_iter()
                    .filter(|&s| scene.count(None, Some(s)) == 1);
                Some(Question::Colour(pick(rng, once)?))
            }
            QuestionType::Shape => {
                let once = Colour::ALL
                    .into_iter()
                    .filter(|&c| scene.count(Some(c), None) == 1);
                Some(Question::Shape(pick(rng, once)?))
            }
            QuestionType::Count => count(rng, scene, split),
            QuestionType::Exists => exists(rng, scene, split),
        }
    }

    /// Puts the question into words, one of several ways.
    pub fn words(self, rng: &mut impl Rng) -> String {
        let colour_word = ["colour", "color"][rng.random_range(0..2)];
        let things = ["shapes", "objects", "things"][rng.random_range(0..3)];
        let way = rng.random_range(0..4);
        match self {
            Question::Colour(shape) => {
                let s = shape.name();
                match way {
                    0 => format!("what {colour_word} is the {s}?"),
                    1 => format!("which {colour_word} is the {s}?"),
                    2 => format!("what is the {colour_word} of the {s}?"),
                    _ => format!("what {colour_word} does the {s} have?"),
                }
            }
            Question::Shape(colour) => {
                let c = colour.name();
                match way {
                    0 => format!("which shape is {c}?"),
                    1 => format!("what shape is the {c} {}?", singular(things)),
                    2 => format!("what is the shape of the {c} {}?", singular(things)),
                    _ => format!("what is the {c} {}?", singular(things)),
                }
            }
            Question::Count(colour, shape) => {
                let noun = noun(colour, shape.map_or(things, Shape::plural));
                match way {
                    0 | 1 => format!("how many {noun} are there?"),
                    2 => format!("how many {noun} do you see?"),
                    _ => format!("count the {noun}."),
                }
            }
            Question::Exists(colour, None) => {
                let what = colour.map_or("here", Colour::name);
                match way {
                    0 => format!("is there anything {what}?"),
                    1 => format!("is anything {what}?"),
                    2 => format!("is there something {what}?"),
                    _ => format!("do you see anything {what}?"),
                }
            }
            Question::Exists(colour, Some(shape)) => {
                let one = noun(colour, shape.name());
                let article = if one.starts_with(['a', 'e', 'i', 'o', 'u']) {
                    "an"
                } else {
                    "a"
                };
                match way {
                    0 | 1 => format!("is there {article} {one}?"),
                    2 => format!("do you see {article} {one}?"),
                    _ => format!("are there any {}?", noun(colour, shape.plural())),
                }
            }
        }
    }
}

impl Asked {
    /// One question of each type, as far as the scene can answer it, then further ones of random
    /// types, up to `count` in all. A scene can always answer a count and a yes-or-no question.
    pub fn several(rng: &mut impl Rng, scene: &Scene, split: Split, count: usize) -> Vec<Self> {
        let mut types = QuestionType::ALL.to_vec();
        // So that no type is left out more often than another where `count` is small.
        for last in (1..types.len()).rev() {
            types.swap(last, rng.random_range(0..=last));
        }
        let mut asked = Vec::with_capacity(count);
        let mut turn = 0;
        while asked.len() < count {
            let kind = types[turn % types.len()];
            turn += 1;
            if let Some(question) = Question::random(rng, scene, split, kind)
                && let Some(answer) = question.answer(scene)
            {
                let text = question.words(rng);
                asked.push(Self {
                    question,
                    text,
                    answer,
                });
            }
        }
        asked
    }
}

/// Picks the answer first, from the ones that some question of this scene has, then a question
/// with that answer: counting is not learnt from a set where nearly every answer is 0 or 1.
fn count(rng: &mut impl Rng, scene: &Scene, split: Split) -> Option<Question> {
    if rng.random_bool(0.3) {
        return Some(Question::Count(None, None));
    }
    let mut by_count: [Vec<Question>; MAX_OBJECTS + 1] = Default::default();
    for (colour, shape) in filters(split) {
        by_count[scene.count(colour, shape).min(MAX_OBJECTS)].push(Question::Count(colour, shape));
    }
    // There is always something missing, so a 0 could be asked for in every scene.
    if rng.random_bool(0.5) {
        by_count[0].clear();
    }
    let answer = pick(rng, (0..=MAX_OBJECTS).filter(|&n| !by_count[n].is_empty()))?;
    // One word or two, equally often: there are many more pairs than colours and shapes.
    let pairs = rng.random_bool(0.5);
    let is_pair = |q: &Question| matches!(q, Question::Count(Some(_), Some(_)));
    let preferred = by_count[answer]
        .iter()
        .copied()
        .filter(|q| is_pair(q) == pairs);
    pick(rng, preferred).or_else(|| pick(rng, by_count[answer].iter().copied()))
}

/// Half yes, half no; two thirds of the "no" about pairs are hard: both words are true of some
/// object, but of none together.
fn exists(rng: &mut impl Rng, scene: &Scene, split: Split) -> Option<Question> {
    let present = rng.random_bool(0.5);
    let words = rng.random_range(0..4);
    let suits = |&(colour, shape): &(Option<Colour>, Option<Shape>)| {
        let kind = match (colour, shape) {
            (Some(_), None) => 0,
            (None, Some(_)) => 1,
            _ => 2,
        };
        kind == words.min(2) && (scene.count(colour, shape) > 0) == present
    };
    let suitable: Vec<_> = filters(split).filter(suits).collect();
    let hard = suitable
        .iter()
        .copied()
        .filter(|&(colour, shape)| scene.count(colour, None) > 0 && scene.count(None, shape) > 0);
    let hard = if rng.random_bool(0.67) {
        pick(rng, hard)
    } else {
        None
    };
    let (colour, shape) = match hard {
        Some(filter) => filter,
        // All five shapes are there, and a missing one is asked for: any "no" will do.
        None => match pick(rng, suitable.into_iter()) {
            Some(filter) => filter,
            None => pick(rng, filters(split).filter(|&(c, s)| scene.count(c, s) == 0))?,
        },
    };
    Some(Question::Exists(colour, shape))
}

/// Every colour, every shape and every pair that may be asked about.
fn filters(split: Split) -> impl Iterator<Item = (Option<Colour>, Option<Shape>)> {
    let colours = Colour::ALL.into_iter().map(|c| (Some(c), None));
    let shapes = Shape::ALL.into_iter().map(|s| (None, Some(s)));
    let pairs = Colour::ALL
        .into_iter()
        .flat_map(|c| Shape::ALL.into_iter().map(move |s| (c, s)))
        .filter(move |&(c, s)| split == Split::HeldOut || !is_held_out(c, s))
        .map(|(c, s)| (Some(c), Some(s)));
    colours.chain(shapes).chain(pairs)
}

fn pick<T>(rng: &mut impl Rng, items: impl Iterator<Item = T>) -> Option<T> {
    let mut items: Vec<T> = items.collect();
    if items.is_empty() {
        return None;
    }
    let index = rng.random_range(0..items.len());
    Some(items.swap_remove(index))
}

fn noun(colour: Option<Colour>, word: &str) -> String {
    match colour {
        Some(colour) => format!("{} {word}", colour.name()),
        None => word.to_string(),
    }
}

fn singular(things: &str) -> &str {
    things.trim_end_matches('s')
}
