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


def watch_tower(rec, model, name):
    """Embeddings and blocks of one of SigLIP's towers."""
    rec.watch(model.embeddings, f"{name}.embeddings")
    for i, layer in enumerate(model.encoder.layers):
        rec.watch(layer.self_attn, f"{name}.layers.{i}.self_attn")
        rec.watch(layer.mlp, f"{name}.layers.{i}.mlp")
        rec.watch(layer, f"{name}.layers.{i}")


@torch.no_grad()
def record_vision(model, pixel_values, interpolate=False):
    """`vision.*` of a SiglipVisionModel. pixel_values: [batch, 3, height, width]."""
    rec = Recorder()
    watch_tower(rec, model, "vision")
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


@torch.no_grad()
def record_two_towers(model, pixel_values, input_ids):
    """`vision.*`, `text.*`, embeddings and scores of a SiglipModel."""
    rec = Recorder()
    watch_tower(rec, model.vision_model, "vision")
    watch_tower(rec, model.text_model, "text")
    out = model(input_ids=input_ids, pixel_values=pixel_values)
    tensors = rec.done()
    tensors["vision.last_hidden_state"] = out.vision_model_output.last_hidden_state
    tensors["vision.pooler_output"] = out.vision_model_output.pooler_output
    tensors["text.last_hidden_state"] = out.text_model_output.last_hidden_state
    tensors["text.pooler_output"] = out.text_model_output.pooler_output
    tensors["image_embeds"] = out.image_embeds
    tensors["text_embeds"] = out.text_embeds
    tensors["logits_per_image"] = out.logits_per_image
    return tensors
