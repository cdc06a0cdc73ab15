//! The shapes and colours, their names, and the pairs that training never sees.

/// Outline of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shape {
    /// A disc.
    Circle,
    /// A square, turned a little.
    Square,
    /// An equilateral triangle, point up, turned a little.
    Triangle,
    /// A plus sign, turned a little.
    Cross,
    /// A disc with a hole that shows the background.
    Ring,
}

impl Shape {
    /// All of them.
    pub const ALL: [Shape; 5] = [
        Shape::Circle,
        Shape::Square,
        Shape::Triangle,
        Shape::Cross,
        Shape::Ring,
    ];

    /// The word for one of them; also the answer.
    pub fn name(self) -> &'static str {
        match self {
            Shape::Circle => "circle",
            Shape::Square => "square",
            Shape::Triangle => "triangle",
            Shape::Cross => "cross",
            Shape::Ring => "ring",
        }
    }

    /// The word for several of them.
    pub fn plural(self) -> &'static str {
        match self {
            Shape::Circle => "circles",
            Shape::Square => "squares",
            Shape::Triangle => "triangles",
            Shape::Cross => "crosses",
            Shape::Ring => "rings",
        }
    }
}

/// Name of an object's colour. The drawn colour varies around a hue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Colour {
    /// Hue about 0°.
    Red,
    /// Hue about 120°.
    Green,
    /// Hue about 222°.
    Blue,
    /// Hue about 55°.
    Yellow,
    /// Hue about 280°.
    Purple,
    /// Hue about 27°.
    Orange,
}

impl Colour {
    /// All of them.
    pub const ALL: [Colour; 6] = [
        Colour::Red,
        Colour::Green,
        Colour::Blue,
        Colour::Yellow,
        Colour::Purple,
        Colour::Orange,
    ];

    /// The word for it; also the answer.
    pub fn name(self) -> &'static str {
        match self {
            Colour::Red => "red",
            Colour::Green => "green",
            Colour::Blue => "blue",
            Colour::Yellow => "yellow",
            Colour::Purple => "purple",
            Colour::Orange => "orange",
        }
    }

    /// Mean hue and its largest deviation, both in degrees. The ranges are at least 17° apart.
    pub(super) fn hue(self) -> (f32, f32) {
        match self {
            Colour::Red => (358.0, 6.0),
            Colour::Orange => (27.0, 5.0),
            Colour::Yellow => (55.0, 5.0),
            Colour::Green => (122.0, 14.0),
            Colour::Blue => (222.0, 12.0),
            Colour::Purple => (280.0, 9.0),
        }
    }
}

/// Pairs that appear in no training scene and in no training question: what the model says about
/// them, it has put together from the colour and the shape. Each colour and each shape is still
/// trained with all its other partners.
pub const HELD_OUT_PAIRS: [(Colour, Shape); 3] = [
    (Colour::Green, Shape::Ring),
    (Colour::Purple, Shape::Square),
    (Colour::Yellow, Shape::Triangle),
];

/// Whether a pair is one of the [`HELD_OUT_PAIRS`].
pub fn is_held_out(colour: Colour, shape: Shape) -> bool {
    HELD_OUT_PAIRS.contains(&(colour, shape))
}
