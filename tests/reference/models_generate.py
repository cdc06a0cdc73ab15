"""Generation entries of `reference.json`, and the proof that their ids do not hang on rounding.

An entry is kept only if every choice it rests on is clear: the gap between what was taken and what was not is at
least MIN_GAP (greedy: best against second logit after the processors; beams: the k-th kept candidate against the next,
and the scores of the returned hypotheses against each other), and if the ids stay the same when every logit is
disturbed by up to NOISE. Real differences between devices are far below that (some 1e-5).
"""

import torch
from transformers import LogitsProcessor, LogitsProcessorList

MIN_GAP = 1.2e-3
SHORTEST = 6
NOISE = 1e-3
NOISY_RUNS = 3
EOS = 1


class Unstable(Exception):
    """A case whose ids could change by rounding; another seed is needed."""


class Noise(LogitsProcessor):
    def __init__(self, seed):
        self.generator = torch.Generator().manual_seed(seed)

    def __call__(self, input_ids, scores):
        return scores + NOISE * (2 * torch.rand(scores.shape, generator=self.generator) - 1)


def strip(row):
    """Ids without the decoder start and without padding; a generated `</s>` stays."""
    ids = row.tolist()[1:]
    return ids[: ids.index(EOS) + 1] if EOS in ids else ids


def _watch_beams(model, gaps, last_step):
    """Notes, at each step, the gaps that decide which candidates live on and which may finish."""
    plain = type(model)._get_top_k_continuations

    def wrapped(accumulated_log_probs, num_beams, cur_len, **kwargs):
        vocab = accumulated_log_probs.shape[-1] // num_beams
        values, index = torch.topk(accumulated_log_probs, 2 * num_beams + 1)
        for row, ids in zip(values, index % vocab):
            running = row[ids != EOS]
            finishing_edge = bool(ids[num_beams - 1] == EOS) or bool(ids[num_beams] == EOS)
            if cur_len == last_step:
                gaps.append(float(row[num_beams - 1] - row[num_beams]))
            else:
                gaps.append(float(running[num_beams - 1] - running[num_beams]))
                if finishing_edge:
                    gaps.append(float(row[num_beams - 1] - row[num_beams]))
        return plain(model, accumulated_log_probs=accumulated_log_probs, num_beams=num_beams, cur_len=cur_len, **kwargs)

    model._get_top_k_continuations = wrapped


def generate(model, name, variant, inputs, options, use_cache):
    """One entry. `inputs`: what HF's generate takes for the encoder. Raises Unstable.

    A beam search has many near ties, so it may end earlier than `max_new_tokens` says, but not below SHORTEST:
    the longest stable length is taken and written into the entry's options.
    """
    length = options["max_new_tokens"]
    floor = max(SHORTEST, options.get("min_new_tokens", 0) + 1) if "num_beams" in options else length
    while True:
        try:
            return _generate(model, name, variant, inputs, options | {"max_new_tokens": length}, use_cache)
        except Unstable:
            length -= 1
            if length < floor:
                raise


@torch.no_grad()
def _generate(model, name, variant, inputs, options, use_cache):
    common = dict(inputs, **options, do_sample=False, use_cache=use_cache)
    gaps = []
    beams = options.get("num_beams", 1) > 1
    if beams:
        _watch_beams(model, gaps, last_step=options["max_new_tokens"])
    try:
        out = model.generate(**common, return_dict_in_generate=True, output_scores=True, output_logits=not beams)
    finally:
        model.__dict__.pop("_get_top_k_continuations", None)
    sequences = [strip(row) for row in out.sequences]
    entry = {"name": name, "variant": variant, "options": options, "sequences": sequences}
    if beams:
        scores = out.sequences_scores.tolist()
        entry["sequences_scores"] = scores
        per_input = options.get("num_return_sequences", 1)
        for start in range(0, len(scores), per_input):
            group = scores[start : start + per_input]
            gaps += [a - b for a, b in zip(group, group[1:])]
    else:
        raw, processed = [0.0] * len(sequences), [0.0] * len(sequences)
        for step, (logits, scores) in enumerate(zip(out.logits, out.scores)):
            for row, ids in enumerate(sequences):
                if step < len(ids):
                    raw[row] += float(torch.log_softmax(logits[row].double(), -1)[ids[step]])
                    processed[row] += float(torch.log_softmax(scores[row].double(), -1)[ids[step]])
                    best = torch.topk(scores[row], 2).values
                    gaps.append(float(best[0] - best[1]))
        entry["scores_sum"] = raw
        entry["processed_scores_sum"] = processed
    entry["smallest_gap"] = round(min(gaps), 6)
    if min(gaps) < MIN_GAP:
        raise Unstable(f"{variant}:{name}: gap {min(gaps):.2e}")
    if name == "greedy" and len(set(sequences[0])) < (3 if variant else 5):
        raise Unstable(f"{variant}:greedy: too few different ids {sequences[0]}")
    for seed in range(NOISY_RUNS):
        noisy = model.generate(**common, logits_processor=LogitsProcessorList([Noise(seed)]))
        if [strip(row) for row in noisy] != sequences:
            raise Unstable(f"{variant}:{name}: ids change under noise {seed}")
    return entry


def beam(k, penalty, early, returned=1, length=10, **more):
    return {
        "num_beams": k,
        "length_penalty": penalty,
        "early_stopping": early,
        "num_return_sequences": returned,
        "max_new_tokens": length,
        **more,
    }


GREEDY = {"greedy": {"max_new_tokens": 16}}
PROCESSORS = {
    "greedy-repetition-penalty": {"max_new_tokens": 16, "repetition_penalty": 1.3},
    "greedy-no-repeat-ngram": {"max_new_tokens": 16, "no_repeat_ngram_size": 2},
}
MIN_NEW_TOKENS = {"greedy-min-new-tokens": {"max_new_tokens": 16, "min_new_tokens": 12}}
BEAMS = {
    "beam2": beam(2, 1.0, False, 2),
    "beam2-lp0.6-early": beam(2, 0.6, True),
    "beam4-lp0.6": beam(4, 0.6, False, 4),
    "beam4-lp1": beam(4, 1.0, False, 4),
    "beam4-lp1-early": beam(4, 1.0, True, 4),
    "beam4-lp2": beam(4, 2.0, False, 4),
    "beam4-lp2-never": beam(4, 2.0, "never", 4),
    "beam4-lp0.6-never": beam(4, 0.6, "never", 4),
}
BEAM_PROCESSORS = {
    "beam4-repetition-penalty": beam(4, 1.0, False, 2, repetition_penalty=1.3),
    "beam4-no-repeat-ngram": beam(4, 1.0, False, 2, no_repeat_ngram_size=2),
}
BEAM_MIN_NEW_TOKENS = {"beam4-min-new-tokens": beam(4, 0.6, True, 2, min_new_tokens=5)}


def check_variety(entries):
    """Refuses entries that would let a wrong decoder pass: nothing ends by itself, or a processor changes nothing."""
    ended = [bool(ids) and ids[-1] == EOS for entry in entries for ids in entry["sequences"]]
    if all(ended) or not any(ended):
        raise Unstable(f"{sum(ended)} of {len(ended)} hypotheses end with </s>")
    greedy = {entry["variant"]: entry["sequences"] for entry in entries if entry["name"] == "greedy"}
    for entry in entries:
        if entry["name"].startswith("greedy-") and entry["sequences"] == greedy[entry["variant"]]:
            raise Unstable(f"{entry['variant']}:{entry['name']} changes nothing")
