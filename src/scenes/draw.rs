//! Scenes to pixels, at any size: signed distances give the share of a pixel that a shape covers.

use super::scene::{Background, Object, Scene};
use super::words::Shape;
use crate::image::RgbImage;

/// The noise has the grain of a 64 pixel picture, so that a larger drawing that is scaled down
/// to the model's size shows as much of it as one that was drawn at that size.
const GRAIN: f32 = 64.0;

impl Scene {
    /// Draws the scene as a picture of `size` × `size` pixels.
    pub fn draw(&self, size: usize) -> RgbImage {
        let scale = size as f32;
        let mut canvas: Vec<[f32; 3]> = Vec::with_capacity(size * size);
        for y in 0..size {
            for x in 0..size {
                let at = [(x as f32 + 0.5) / scale, (y as f32 + 0.5) / scale];
                canvas.push(self.background.at(at));
            }
        }
        for line in &self.lines {
            let low = [line.from[0].min(line.to[0]), line.from[1].min(line.to[1])];
            let high = [line.from[0].max(line.to[0]), line.from[1].max(line.to[1])];
            paint(
                &mut canvas,
                size,
                low,
                high,
                line.half_width,
                [line.grey; 3],
                |at| to_segment(at, line.from, line.to) - line.half_width,
            );
        }
        for object in &self.objects {
            let c = object.centre;
            paint(&mut canvas, size, c, c, object.radius, object.rgb, |at| {
                object.distance(at)
            });
        }
        for speck in &self.specks {
            let c = speck.centre;
            paint(
                &mut canvas,
                size,
                c,
                c,
                speck.radius,
                [speck.grey; 3],
                |at| length(minus(at, c)) - speck.radius,
            );
        }
        let mut data = Vec::with_capacity(size * size * 3);
        for (index, pixel) in canvas.iter().enumerate() {
            let cell = |i: usize| (((i as f32 + 0.5) / scale) * GRAIN) as u64;
            let grain = cell(index / size) << 32 | cell(index % size) << 2;
            for (channel, value) in (0..).zip(pixel) {
                let noise = self.noise * normal(self.noise_seed, grain | channel);
                data.push(((value + noise).clamp(0.0, 1.0) * 255.0).round() as u8);
            }
        }
        RgbImage {
            width: size,
            height: size,
            data,
        }
    }
}

impl Background {
    fn at(&self, [x, y]: [f32; 2]) -> [f32; 3] {
        match self {
            Background::Plain(colour) => *colour,
            Background::Gradient(from, to, angle) => {
                // 0.71 is half a diagonal: the direction runs over the whole picture.
                let along = (x - 0.5) * angle.cos() + (y - 0.5) * angle.sin();
                mix(*from, *to, (0.5 + along / 1.42).clamp(0.0, 1.0))
            }
            Background::Checks(even, odd, per_side) => {
                let parity = ((x * per_side) as usize + (y * per_side) as usize) % 2;
                if parity == 0 { *even } else { *odd }
            }
        }
    }
}

impl Object {
    /// Signed distance of a point to the outline: negative inside.
    pub fn distance(&self, at: [f32; 2]) -> f32 {
        let r = self.radius;
        let [dx, dy] = minus(at, self.centre);
        let (sin, cos) = self.angle.sin_cos();
        let [x, y] = [cos * dx + sin * dy, cos * dy - sin * dx];
        match self.shape {
            Shape::Circle => dx.hypot(dy) - 0.92 * r,
            // Outer radius 0.96 r, hole 0.5 r.
            Shape::Ring => (dx.hypot(dy) - 0.73 * r).abs() - 0.23 * r,
            Shape::Square => rectangle([x, y], [0.72 * r, 0.72 * r]),
            Shape::Cross => {
                let (long, short) = (0.94 * r, 0.3 * r);
                rectangle([x, y], [long, short]).min(rectangle([x, y], [short, long]))
            }
            Shape::Triangle => triangle([x, y], r),
        }
    }
}

/// Blends a colour over the box from `low` to `high`, `margin` wider on each side, by the share of
/// each pixel that lies inside the outline (exact for a straight edge along the grid).
fn paint(
    canvas: &mut [[f32; 3]],
    size: usize,
    low: [f32; 2],
    high: [f32; 2],
    margin: f32,
    colour: [f32; 3],
    distance: impl Fn([f32; 2]) -> f32,
) {
    let scale = size as f32;
    let first = |v: f32| (((v - margin) * scale - 1.0).max(0.0) as usize).min(size);
    let last = |v: f32| (((v + margin) * scale + 2.0).max(0.0) as usize).min(size);
    for y in first(low[1])..last(high[1]) {
        for x in first(low[0])..last(high[0]) {
            let at = [(x as f32 + 0.5) / scale, (y as f32 + 0.5) / scale];
            let cover = (0.5 - distance(at) * scale).clamp(0.0, 1.0);
            if cover > 0.0 {
                let pixel = &mut canvas[y * size + x];
                *pixel = mix(*pixel, colour, cover);
            }
        }
    }
}

fn minus(a: [f32; 2], b: [f32; 2]) -> [f32; 2] {
    [a[0] - b[0], a[1] - b[1]]
}

fn length(v: [f32; 2]) -> f32 {
    v[0].hypot(v[1])
}

fn mix(from: [f32; 3], to: [f32; 3], share: f32) -> [f32; 3] {
    std::array::from_fn(|i| from[i] + share * (to[i] - from[i]))
}

fn to_segment(at: [f32; 2], from: [f32; 2], to: [f32; 2]) -> f32 {
    let (p, d) = (minus(at, from), minus(to, from));
    let square = d[0] * d[0] + d[1] * d[1];
    let along = ((p[0] * d[0] + p[1] * d[1]) / square.max(1e-12)).clamp(0.0, 1.0);
    length([p[0] - along * d[0], p[1] - along * d[1]])
}

/// Distance to a rectangle around the origin, given half its sides.
fn rectangle([x, y]: [f32; 2], half: [f32; 2]) -> f32 {
    let (dx, dy) = (x.abs() - half[0], y.abs() - half[1]);
    dx.max(0.0).hypot(dy.max(0.0)) + dx.max(dy).min(0.0)
}

/// Distance to an equilateral triangle in a circle of this radius, point up (y grows downwards).
/// Beyond a corner it is too small by up to a half, which rounds the corner by a fraction of a pixel.
fn triangle([x, y]: [f32; 2], radius: f32) -> f32 {
    let (inner, sqrt3_half) = (radius / 2.0, 0.866_025_4);
    let base = y - inner;
    let side = sqrt3_half * x.abs() - 0.5 * y - inner;
    base.max(side)
}

/// A standard normal number for a key (eight uniform ones summed, by the central limit theorem: the
/// tails do not matter here), the same on every platform.
fn normal(seed: u64, key: u64) -> f32 {
    let a = super::split::spread(seed ^ super::split::spread(key));
    let b = super::split::spread(a);
    let halves = |v: u64| {
        [
            v as u16,
            (v >> 16) as u16,
            (v >> 32) as u16,
            (v >> 48) as u16,
        ]
    };
    let sum: f32 = halves(a)
        .iter()
        .chain(&halves(b))
        .map(|&v| f32::from(v))
        .sum();
    // Eight uniform numbers on [0, 65535]: mean 8/2, variance 8/12 in units of the range.
    (sum / 65535.0 - 4.0) * (12.0_f32 / 8.0).sqrt()
}
