//! What is in a picture: objects, background, clutter and noise. Lengths are fractions of a side.

use super::split::{Split, scene_rng};
use super::words::{Colour, Shape, is_held_out};
use rand::{Rng, RngExt};
use rand_pcg::Pcg64;

/// Most objects that a scene holds; the least is one.
pub const MAX_OBJECTS: usize = 5;

/// Smallest and largest radius of an object: 7 to 13 pixels of 64.
const RADIUS: (f32, f32) = (7.0 / 64.0, 13.0 / 64.0);
/// Room that is kept free between two objects and at the border: 1.2 pixels of 64.
const GAP: f32 = 1.2 / 64.0;

/// One coloured shape.
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    /// Outline.
    pub shape: Shape,
    /// Name of the colour.
    pub colour: Colour,
    /// The colour itself, each channel from 0 to 1.
    pub rgb: [f32; 3],
    /// Centre, from the left and from the top.
    pub centre: [f32; 2],
    /// Radius of the circle around the shape.
    pub radius: f32,
    /// Rotation in radians.
    pub angle: f32,
}

/// What lies behind the objects. Colours are muted, so that none can be taken for an object's.
#[derive(Debug, Clone, PartialEq)]
pub enum Background {
    /// One colour.
    Plain([f32; 3]),
    /// From one colour to another along a direction in radians.
    Gradient([f32; 3], [f32; 3], f32),
    /// Squares of two colours, so many to a side.
    Checks([f32; 3], [f32; 3], f32),
}

/// A thin grey line behind the objects.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// One end.
    pub from: [f32; 2],
    /// Other end.
    pub to: [f32; 2],
    /// Half the thickness.
    pub half_width: f32,
    /// Brightness from 0 to 1.
    pub grey: f32,
}

/// A small grey dot, drawn over everything.
#[derive(Debug, Clone, PartialEq)]
pub struct Speck {
    /// Centre.
    pub centre: [f32; 2],
    /// Radius, at most 0.9 pixels of 64.
    pub radius: f32,
    /// Brightness from 0 to 1.
    pub grey: f32,
}

/// Everything that a picture shows, at no particular resolution.
#[derive(Debug, Clone, PartialEq)]
pub struct Scene {
    /// One to [`MAX_OBJECTS`], none overlapping.
    pub objects: Vec<Object>,
    /// What lies behind them.
    pub background: Background,
    /// Clutter behind the objects.
    pub lines: Vec<Line>,
    /// Clutter in front of them.
    pub specks: Vec<Speck>,
    /// Standard deviation of the pixel noise, of a full range of 1.
    pub noise: f32,
    /// Seed of the pixel noise.
    pub noise_seed: u64,
}

impl Scene {
    /// Scene `index` of a split, and the random numbers to go on with (for its questions).
    pub fn nth(split: Split, seed: u64, index: u64) -> (Self, Pcg64) {
        let mut rng = scene_rng(split, seed, index);
        (Self::random(&mut rng, split), rng)
    }

    /// A scene with one to [`MAX_OBJECTS`] objects.
    pub fn random(rng: &mut impl Rng, split: Split) -> Self {
        Self::random_up_to(rng, split, MAX_OBJECTS)
    }

    /// A scene with one to `most` objects (clamped to [`MAX_OBJECTS`]); for a curriculum.
    pub fn random_up_to(rng: &mut impl Rng, split: Split, most: usize) -> Self {
        let count = rng.random_range(1..=most.clamp(1, MAX_OBJECTS));
        let kinds = kinds(rng, split, count);
        let places = places(rng, count);
        let objects = kinds
            .into_iter()
            .zip(places)
            .map(|((colour, shape), (centre, radius))| Object {
                shape,
                colour,
                rgb: jittered(rng, colour),
                centre,
                radius,
                angle: rng.random_range(-0.35..0.35),
            })
            .collect();
        let lines = (0..rng.random_range(0..=3)).map(|_| line(rng)).collect();
        let specks = (0..rng.random_range(0..=6)).map(|_| speck(rng)).collect();
        Self {
            objects,
            background: background(rng),
            lines,
            specks,
            noise: rng.random_range(0.0..0.04),
            noise_seed: rng.random(),
        }
    }

    /// How many objects have this colour and this shape; `None` stands for any.
    pub fn count(&self, colour: Option<Colour>, shape: Option<Shape>) -> usize {
        self.objects
            .iter()
            .filter(|o| colour.is_none_or(|c| c == o.colour) && shape.is_none_or(|s| s == o.shape))
            .count()
    }

    /// Whether some object is a pair that training never sees.
    pub fn has_held_out_pair(&self) -> bool {
        self.objects.iter().any(|o| is_held_out(o.colour, o.shape))
    }
}

/// Colours and shapes of the objects. Independent draws would make almost every "how many circles"
/// a 0 or a 1, so a third of the scenes repeat few shapes, and a third few colours.
fn kinds(rng: &mut impl Rng, split: Split, count: usize) -> Vec<(Colour, Shape)> {
    let mut shapes = Shape::ALL.to_vec();
    let mut colours = Colour::ALL.to_vec();
    match rng.random_range(0..3) {
        0 => keep(rng, &mut shapes),
        1 => keep(rng, &mut colours),
        _ => {}
    }
    // Ends: a kept colour (or shape) is in at most one held-out pair, and has other partners.
    std::iter::repeat_with(|| {
        let colour = colours[rng.random_range(0..colours.len())];
        let shape = shapes[rng.random_range(0..shapes.len())];
        (colour, shape)
    })
    .filter(|&(colour, shape)| split == Split::HeldOut || !is_held_out(colour, shape))
    .take(count)
    .collect()
}

/// Keeps one or two random entries.
fn keep<T>(rng: &mut impl Rng, items: &mut Vec<T>) {
    let kept = rng.random_range(1..=2);
    while items.len() > kept {
        let index = rng.random_range(0..items.len());
        items.swap_remove(index);
    }
}

/// Centres and radii of objects that neither overlap nor leave the picture.
fn places(rng: &mut impl Rng, count: usize) -> Vec<([f32; 2], f32)> {
    let mut largest = RADIUS.1;
    loop {
        let mut placed: Vec<([f32; 2], f32)> = Vec::with_capacity(count);
        for _ in 0..40 * count {
            if placed.len() == count {
                return placed;
            }
            let radius = rng.random_range(RADIUS.0..largest);
            let free = radius + GAP..1.0 - radius - GAP;
            let centre = [rng.random_range(free.clone()), rng.random_range(free)];
            let apart = |(other, other_radius): &([f32; 2], f32)| {
                (other[0] - centre[0]).hypot(other[1] - centre[1]) > radius + other_radius + GAP
            };
            if placed.iter().all(apart) {
                placed.push((centre, radius));
            }
        }
        // Too crowded: smaller objects fit in the end.
        largest = (0.9 * largest).max(RADIUS.0 * 1.01);
    }
}

fn jittered(rng: &mut impl Rng, colour: Colour) -> [f32; 3] {
    let (hue, deviation) = colour.hue();
    let hue = hue + rng.random_range(-deviation..deviation);
    hsv(
        hue,
        rng.random_range(0.78..1.0),
        rng.random_range(0.72..1.0),
    )
}

/// Saturation stays under a third of what an object has at least.
fn muted(rng: &mut impl Rng, brightness: f32) -> [f32; 3] {
    let value = (brightness + rng.random_range(-0.08..0.08)).clamp(0.0, 1.0);
    hsv(
        rng.random_range(0.0..360.0),
        rng.random_range(0.0..0.22),
        value,
    )
}

fn background(rng: &mut impl Rng) -> Background {
    // Dark or light, seldom in between, where orange and purple would hardly stand out.
    let brightness = if rng.random_bool(0.5) {
        rng.random_range(0.05..0.35)
    } else {
        rng.random_range(0.65..0.97)
    };
    let first = muted(rng, brightness);
    match rng.random_range(0..3) {
        0 => Background::Plain(first),
        1 => {
            let shift = rng.random_range(-0.25..0.25);
            Background::Gradient(
                first,
                muted(rng, brightness + shift),
                rng.random_range(0.0..std::f32::consts::TAU),
            )
        }
        _ => Background::Checks(first, muted(rng, brightness), rng.random_range(3.0..9.0)),
    }
}

fn line(rng: &mut impl Rng) -> Line {
    let mut point = || [rng.random_range(0.0..1.0), rng.random_range(0.0..1.0)];
    let (from, to) = (point(), point());
    Line {
        from,
        to,
        half_width: rng.random_range(0.25..0.7) / 64.0,
        grey: rng.random_range(0.15..0.85),
    }
}

fn speck(rng: &mut impl Rng) -> Speck {
    Speck {
        centre: [rng.random_range(0.0..1.0), rng.random_range(0.0..1.0)],
        radius: rng.random_range(0.4..0.9) / 64.0,
        grey: rng.random_range(0.15..0.85),
    }
}

/// Hue in degrees, saturation and value from 0 to 1, to red, green and blue from 0 to 1.
fn hsv(hue: f32, saturation: f32, value: f32) -> [f32; 3] {
    let channel = |n: f32| {
        let k = (n + hue.rem_euclid(360.0) / 60.0) % 6.0;
        value - value * saturation * k.min(4.0 - k).clamp(0.0, 1.0)
    };
    [channel(5.0), channel(3.0), channel(1.0)]
}
