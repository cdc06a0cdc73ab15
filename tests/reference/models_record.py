"""Forward passes of the HF models that keep the named intermediates of `reference.safetensors` (see README.md)."""

import torch


class Recorder:
    """Collects module outputs under chosen names through forward hooks, for one forward pass."""

    def __init__(self):
        self.tensors = {}
        self.handles = []

    def watch(self, module, name):
        def hook(_module, _inputs, output):
            value = output[0] if isinstance(output, tuple) else output
            self.tensors[name] = value.detach().clone()

        self.handles.append(module.register_forward_hook(hook))

    def done(self):
        for handle in self.handles:
            handle.remove()
        return self.tensors


@torch.no_grad()
def record_vision(model, pixel_values, interpolate=False):
    """`vision.*` of a SiglipVisionModel. pixel_values: [batch, 3, height, width]."""
    rec = Recorder()
    rec.watch(model.embeddings, "vision.embeddings")
    for i, layer in enumerate(model.encoder.layers):
        rec.watch(layer.self_attn, f"vision.layers.{i}.self_attn")
        rec.watch(layer.mlp, f"vision.layers.{i}.mlp")
        rec.watch(layer, f"vision.layers.{i}")
    out = model(pixel_values, interpolate_pos_encoding=interpolate)
    tensors = rec.done()
    tensors["vision.last_hidden_state"] = out.last_hidden_state
    if out.pooler_output is not None:
        tensors["vision.pooler_output"] = out.pooler_output
    return tensors


@torch.no_grad()
def record_t5(model, attention_mask, decoder_input_ids, input_ids=None, inputs_embeds=None, weights=False):
    """`encoder.*`, `decoder.*` and teacher-forced `logits` of a T5ForConditionalGeneration.

    `weights`: the cross-attention's probabilities too.
    """
    rec = Recorder()
    for side, stack in (("encoder", model.encoder), ("decoder", model.decoder)):
        for i, block in enumerate(stack.block):
            name = f"{side}.block.{i}"
            rec.watch(block.layer[0].SelfAttention, f"{name}.self_attention")
            if side == "decoder":
                rec.watch(block.layer[1].EncDecAttention, f"{name}.cross_attention")
            rec.watch(block.layer[-1].DenseReluDense, f"{name}.feed_forward")
            rec.watch(block, name)
        rec.watch(stack.final_layer_norm, f"{side}.last_hidden_state")
    out = model(
        input_ids=input_ids,
        inputs_embeds=inputs_embeds,
        attention_mask=attention_mask,
        decoder_input_ids=decoder_input_ids,
        use_cache=False,
        output_attentions=weights,
    )
    tensors = rec.done()
    for i, probabilities in enumerate(out.cross_attentions if weights else ()):
        tensors[f"decoder.block.{i}.cross_attention.weights"] = probabilities
    lengths = {"encoder": attention_mask.shape[1], "decoder": decoder_input_ids.shape[1]}
    for side, stack in (("encoder", model.encoder), ("decoder", model.decoder)):
        attention = stack.block[0].layer[0].SelfAttention
        tensors[f"{side}.position_bias"] = attention.compute_bias(lengths[side], lengths[side])
    tensors["logits"] = out.logits
    return tensors
