//! What kernels make of the products of few rows, and their sources.

use super::source::wgsl;
use crate::compute::Activation;

/// What is made of the products of few rows with one matrix or several of one form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Products {
    /// `x Wᵀ`
    One,
    /// `x Wᵀ + residual`
    Residual,
    /// `x W₀ᵀ`, `x W₁ᵀ`, `x W₂ᵀ`. With the input and the output they are eight buffers, as many as WebGPU grants.
    Three,
    /// `activation(x W₀ᵀ) · x W₁ᵀ`
    Gated(Activation),
}

impl Products {
    pub(super) fn matrices(self) -> usize {
        match self {
            Products::One | Products::Residual => 1,
            Products::Gated(_) => 2,
            Products::Three => 3,
        }
    }

    /// The bindings, the product with each matrix, whose source is written for number `$m`, and what becomes of the sums.
    pub(super) fn text(self, product: &str) -> String {
        const STORAGE: &str = "var<storage, read_write>";
        let matrices = self.matrices();
        let mut declarations = vec![];
        for m in 0..matrices {
            declarations.push(format!("{STORAGE} words{m}: array<u32>;"));
            declarations.push(format!("{STORAGE} scales{m}: Scales;"));
        }
        if self == Products::Residual {
            declarations.push(format!("{STORAGE} residual: array<f32>;"));
        }
        declarations.push(format!("{STORAGE} y: array<f32>;"));
        // Rows of the result, rows of a matrix, blocks in a row of it, in_features.
        declarations.push("var<uniform> info: vec4<u32>;".to_string());
        // Binding 0 is the input.
        let bindings = declarations.iter().enumerate();
        let mut text: String = bindings
            .map(|(i, declaration)| format!("@group(0) @binding({}) {declaration}\n", i + 1))
            .collect();
        text += wgsl!("type_of_scales.wgsl");
        for m in 0..matrices {
            let product = [wgsl!("scale.wgsl"), product].concat();
            text += &product.replace("$m", &m.to_string());
        }
        let calls: Vec<String> = (0..matrices)
            .map(|m| format!("product{m}(place)"))
            .collect();
        let calls = calls.join(", ");
        let finish = match self {
            Products::One => "y[at] = sum0;",
            Products::Residual => "y[at] = sum0 + residual[at];",
            Products::Gated(_) => "y[at] = activation(sum0) * sum1;",
            Products::Three => {
                "let size = info.x * info.y; y[at] = sum0; y[at + size] = sum1; y[at + 2u * size] = sum2;"
            }
        };
        let sums: String = (0..matrices)
            .map(|m| format!("let sum{m} = sum_of(sums[{m}], i); "))
            .collect();
        text += &format!(
            "
fn products(place: Place) -> array<Sums, {matrices}> {{ return array<Sums, {matrices}>({calls}); }}
fn finish(at: u32, sums: array<Sums, {matrices}>, i: u32) {{ {sums}{finish} }}
"
        );
        if let Products::Gated(of) = self {
            text += &activation(of);
        }
        text
    }
}

/// An activation's function.
pub(super) fn activation(activation: Activation) -> String {
    let text = match activation {
        Activation::Relu => "max(x, 0.0)",
        // 0.5 (1 + tanh(u)) is sigmoid(2 u).
        Activation::GeluTanh => "x * sigmoid(x * (1.5957691 + 0.07135482 * x * x))",
        Activation::QuickGelu => "x * sigmoid(1.702 * x)",
        Activation::Silu => "x * sigmoid(x)",
        Activation::Gelu => unreachable!("no kernel for GELU with the error function"),
    };
    let sigmoid = wgsl!("sigmoid.wgsl");
    format!("{sigmoid}fn activation(x: f32) -> f32 {{ return {text}; }}\n")
}
