"""Expected token ids and scores of `transformers.generate` on a model that is a table.

    python tests/reference/generation.py        # writes tests/fixtures/generation/*.json

The scores of the next token depend on the prompt and the last two tokens of the decoder only
(prompt_table[prompt] + last_table[last] + before_table[the one before]), so that the Rust tests can run
the very same model without any network, and every difference is one of the search.
Needs torch 2.11 and transformers 5.23.
"""

import json
from pathlib import Path

import torch
from transformers import GenerationConfig, GenerationMixin, LogitsProcessorList, PretrainedConfig, PreTrainedModel
from transformers.generation import logits_process as lp
from transformers.modeling_outputs import BaseModelOutput, Seq2SeqLMOutput

OUT = Path(__file__).resolve().parents[1] / "fixtures" / "generation"
VOCAB, PROMPTS, START, EOS = 24, 4, 0, 1


class TableConfig(PretrainedConfig):
    model_type = "generation-table"

    def __init__(self, **kwargs):
        super().__init__(is_encoder_decoder=True, **kwargs)
        self.vocab_size = VOCAB


class PromptEncoder(torch.nn.Module):
    def forward(self, input_ids, **_):
        return BaseModelOutput(last_hidden_state=input_ids[:, :, None].float())


class TableModel(PreTrainedModel, GenerationMixin):
    config_class = TableConfig
    main_input_name = "input_ids"

    def __init__(self, config, tables):
        super().__init__(config)
        self.anchor = torch.nn.Parameter(torch.zeros(1))  # generate() asks for the model's device
        self.tables = tables

    def get_encoder(self, modality=None):
        return PromptEncoder()

    def forward(self, decoder_input_ids=None, encoder_outputs=None, **_):
        prompts = encoder_outputs[0][:, 0, 0].long()
        before = torch.nn.functional.pad(decoder_input_ids[:, :-1], (1, 0), value=START)
        # Summed in this order: the Rust side adds in the same one.
        logits = (
            self.tables["prompt"][prompts][:, None]
            + self.tables["last"][decoder_input_ids]
            + self.tables["before"][before]
        )
        return Seq2SeqLMOutput(logits=logits)

    def prepare_inputs_for_generation(self, input_ids, encoder_outputs=None, **_):
        return {"decoder_input_ids": input_ids, "encoder_outputs": encoder_outputs}


def make_tables():
    generator = torch.Generator().manual_seed(20)

    def table(rows, scale):
        return (torch.randn(rows, VOCAB, generator=generator) * scale * 1000).round() / 1000

    tables = {"prompt": table(PROMPTS, 0.8), "last": table(VOCAB, 1.6), "before": table(VOCAB, 1.0)}
    tables["prompt"][:, EOS] += torch.tensor([1.2, 0.4, 2.0, -0.6])  # prompts end early, late, at once, hardly ever
    tables["prompt"][:, START] -= 4.0
    return tables


SETTINGS = {
    "greedy": {},
    "greedy_min_new_tokens": {"min_new_tokens": 9},
    "greedy_repetition_penalty": {"repetition_penalty": 1.7},
    "greedy_repetition_penalty_below_one": {"repetition_penalty": 0.6},
    "greedy_ngram_1": {"no_repeat_ngram_size": 1},
    "greedy_ngram_2": {"no_repeat_ngram_size": 2, "min_new_tokens": 6},
    "greedy_ngram_3_penalty": {"no_repeat_ngram_size": 3, "repetition_penalty": 1.2},
    "greedy_two_eos": {"eos_token_id": [EOS, 7]},
    "greedy_one_token": {"max_new_tokens": 1},
    "beam_2": {"num_beams": 2},
    "beam_4": {"num_beams": 4},
    "beam_5_all": {"num_beams": 5, "num_return_sequences": 5},
    "beam_4_length_penalty_-1": {"num_beams": 4, "length_penalty": -1.0, "num_return_sequences": 2},
    "beam_4_length_penalty_0": {"num_beams": 4, "length_penalty": 0.0, "num_return_sequences": 4},
    "beam_4_length_penalty_0.6": {"num_beams": 4, "length_penalty": 0.6, "num_return_sequences": 4},
    "beam_4_length_penalty_2": {"num_beams": 4, "length_penalty": 2.0, "num_return_sequences": 4},
    "beam_4_early": {"num_beams": 4, "early_stopping": True, "num_return_sequences": 4},
    "beam_3_early_length_penalty_2": {
        "num_beams": 3, "early_stopping": True, "length_penalty": 2.0, "num_return_sequences": 3,
    },
    "beam_4_never": {"num_beams": 4, "early_stopping": "never", "num_return_sequences": 4},
    "beam_4_never_length_penalty_2": {
        "num_beams": 4, "early_stopping": "never", "length_penalty": 2.0, "num_return_sequences": 4,
    },
    "beam_4_never_length_penalty_-1": {
        "num_beams": 4, "early_stopping": "never", "length_penalty": -1.0, "num_return_sequences": 4,
    },
    "beam_3_min_new_tokens": {"num_beams": 3, "min_new_tokens": 6, "num_return_sequences": 3},
    "beam_3_repetition_penalty": {"num_beams": 3, "repetition_penalty": 1.5, "num_return_sequences": 3},
    "beam_3_ngram_2": {"num_beams": 3, "no_repeat_ngram_size": 2, "num_return_sequences": 3},
    "beam_4_everything": {
        "num_beams": 4, "num_return_sequences": 3, "min_new_tokens": 4, "repetition_penalty": 1.3,
        "no_repeat_ngram_size": 3, "length_penalty": 1.4, "early_stopping": True,
    },
    "beam_3_two_eos": {"num_beams": 3, "eos_token_id": [EOS, 7], "num_return_sequences": 3},
    "beam_4_one_token": {"num_beams": 4, "max_new_tokens": 1, "num_return_sequences": 4},
}


def generate(model, prompts, options):
    options = {"max_new_tokens": 14, "eos_token_id": EOS, **options}
    config = GenerationConfig(
        decoder_start_token_id=START, pad_token_id=START, use_cache=False, return_dict_in_generate=True,
        output_scores=True, output_logits=True, **options,
    )
    result = model.generate(torch.tensor(prompts)[:, None], generation_config=config)
    eos = options["eos_token_id"]
    eos = eos if isinstance(eos, list) else [eos]
    sequences = []
    for row, ids in enumerate(result.sequences.tolist()):
        ids = ids[1:]
        ends = [i for i, token in enumerate(ids) if token in eos]
        ids = ids[: ends[0] + 1] if ends else ids
        if options.get("num_beams", 1) > 1:
            score = result.sequences_scores[row].item()
        else:
            steps = zip(result.logits, ids)
            score = sum(torch.log_softmax(logits[row], -1)[token].item() for logits, token in steps)
        sequences.append({"token_ids": ids, "score": score})
    return {"prompts": prompts, "options": options, "sequences": sequences}


def processed_distributions():
    """Next-token probabilities after the processors and warpers that `generate` would set up."""
    generator = torch.Generator().manual_seed(3)
    logits = (torch.randn(VOCAB, generator=generator) * 2 * 1000).round() / 1000
    logits[5] = logits[9]  # equal scores at the edge of a top-k
    ids = [START, 3, 9, 4, 3, 9, 2, 3]
    settings = [
        {"temperature": 0.5}, {"temperature": 2.5}, {"top_k": 1}, {"top_k": 5}, {"top_k": 23}, {"top_k": 100},
        {"top_p": 0.0}, {"top_p": 0.3}, {"top_p": 0.9}, {"top_p": 0.999},
        {"temperature": 0.7, "top_k": 8, "top_p": 0.8},
        {"repetition_penalty": 1.8, "no_repeat_ngram_size": 3, "min_new_tokens": 8, "temperature": 1.5, "top_p": 0.95},
    ]
    cases = []
    for options in settings:
        options = {"top_k": 0, **options}
        processors = LogitsProcessorList()
        eos = torch.tensor([EOS])
        if "repetition_penalty" in options:
            processors.append(lp.RepetitionPenaltyLogitsProcessor(options["repetition_penalty"]))
        if "no_repeat_ngram_size" in options:
            processors.append(lp.NoRepeatNGramLogitsProcessor(options["no_repeat_ngram_size"]))
        if "min_new_tokens" in options:
            processors.append(lp.MinNewTokensLengthLogitsProcessor(1, options["min_new_tokens"], eos))
        if "temperature" in options:
            processors.append(lp.TemperatureLogitsWarper(options["temperature"]))
        if options["top_k"]:
            processors.append(lp.TopKLogitsWarper(options["top_k"]))
        if "top_p" in options:
            processors.append(lp.TopPLogitsWarper(options["top_p"]))
        scores = processors(torch.tensor([ids]), logits[None].clone())[0]
        probabilities = [round(p, 7) for p in torch.softmax(scores, -1).tolist()]
        cases.append({"options": options, "probabilities": probabilities})
    return {"logits": [round(x, 3) for x in logits.tolist()], "decoder_ids": ids, "cases": cases}


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    tables = make_tables()
    model = TableModel(TableConfig(), tables).eval()
    search = {
        "vocab_size": VOCAB,
        "tables": {name: [[round(x, 3) for x in row] for row in table.tolist()] for name, table in tables.items()},
        "cases": {},
    }
    for name, options in SETTINGS.items():
        search["cases"][name] = generate(model, list(range(PROMPTS)), options)
    for name, value in {"search": search, "distributions": processed_distributions()}.items():
        (OUT / f"{name}.json").write_text(json.dumps(value, separators=(",", ":")) + "\n")
    for name, case in search["cases"].items():
        print(name, [len(s["token_ids"]) for s in case["sequences"]])


if __name__ == "__main__":
    main()
