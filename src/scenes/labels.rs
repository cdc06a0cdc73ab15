//! What stands where: a label for each patch of a picture, to teach a vision tower to see.

use super::scene::{Object, Scene};
use super::words::{Colour, Shape};

/// Classes of [`Scene::patch_labels`]: colour or background, shape or background, an object's centre or not.
pub const PATCH_CLASSES: [usize; 3] = [Colour::ALL.len() + 1, Shape::ALL.len() + 1, 2];

impl Scene {
    /// For each of `grid * grid` patches, row by row: the colour and the shape of the object whose circle holds the
    /// patch's centre (1, 2, … in the order of [`Colour::ALL`] and [`Shape::ALL`]; 0 for background), and 1 where an
    /// object's own centre lies in the patch, so that every object is marked exactly once.
    pub fn patch_labels(&self, grid: usize) -> Vec<[i32; 3]> {
        let scale = grid as f32;
        let mut labels = Vec::with_capacity(grid * grid);
        for row in 0..grid {
            for column in 0..grid {
                let at = [(column as f32 + 0.5) / scale, (row as f32 + 0.5) / scale];
                let holds =
                    |o: &&Object| (o.centre[0] - at[0]).hypot(o.centre[1] - at[1]) < o.radius;
                let is_here = |o: &Object| {
                    (o.centre[0] * scale) as usize == column
                        && (o.centre[1] * scale) as usize == row
                };
                let centre = i32::from(self.objects.iter().any(is_here));
                labels.push(match self.objects.iter().find(holds) {
                    Some(o) => [1 + o.colour as i32, 1 + o.shape as i32, centre],
                    None => [0, 0, centre],
                });
            }
        }
        labels
    }
}
