"""Records tiny random models of every family: their files, and what transformers computes with them, into data/.

    python -m venv venv && venv/bin/pip install -r test/models/requirements.txt
    venv/bin/python test/models/record.py [family ...]

data/FAMILY has config.json and model.safetensors as `save_pretrained` writes them, and for each case CASE.safetensors with
inputs (`input.*`), outputs (`output.*`) and gradients of the loss (`grad.*`), in float32 with eager attention.
"""

import copy
import json
import pathlib
import shutil
import sys

import torch
import transformers
from safetensors.torch import save_file
from transformers.core_model_loading import revert_weight_conversion

DATA = pathlib.Path(__file__).parent / "data"
TOKENS = dict(vocab_size=61, pad_token_id=0, bos_token_id=1, eos_token_id=2)
ENCODER = dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=4, intermediate_size=24, max_position_embeddings=20, **TOKENS)
DECODER = dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, intermediate_size=24,
               max_position_embeddings=32, **TOKENS)


def masks(kind, batch, length):
    """Attention masks with nothing, the right, or the left padded."""
    lengths = torch.tensor([length - (2 * i) % (length - 2) for i in range(batch)])
    place = torch.arange(length)
    if kind == "none":
        return torch.ones(batch, length, dtype=torch.long)
    if kind == "right":
        return (place < lengths[:, None]).long()
    return (place >= length - lengths[:, None]).long()


def token_inputs(generator, padding, batch=3, length=7):
    ids = torch.randint(3, TOKENS["vocab_size"], (batch, length), generator=generator)
    mask = masks(padding, batch, length)
    return {"input_ids": ids * mask, "attention_mask": mask}


def randomise(model, generator):
    """Weights large enough to matter, norms and biases that are not their beginnings."""
    for name, parameter in model.named_parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        norm = ("norm" in name.lower() or "_bn" in name or ".ln_" in f".{name}") and name.endswith("weight")
        parameter.data = 1 + 0.3 * noise if norm else 0.3 * noise
    for name, statistic in model.named_buffers():
        noise = torch.randn(statistic.shape, generator=generator)
        if name.endswith("running_mean"):
            statistic.data = 0.3 * noise
        if name.endswith("running_var"):
            statistic.data = 0.5 + noise.abs()


def names_of_files(model, tensors):
    """The names that `save_pretrained` gives, where a model has others while it runs."""
    return revert_weight_conversion(model, tensors) if isinstance(model, transformers.PreTrainedModel) else tensors


def run(model, inputs, case):
    model.zero_grad()
    before = copy.deepcopy(model.state_dict())
    training = case == "training"
    model.train(training)
    options = {"interpolate_pos_encoding": True} if case == "interpolated" else {}
    out = model(**inputs, **options, output_hidden_states=True)
    # A copy: the next run begins with the statistics that are in the file.
    after = {name: value.clone() for name, value in model.state_dict().items()}
    result = {f"output.state.{name}": value for name, value in after.items() if training and "running_" in name}
    for name in ["logits", "start_logits", "end_logits", "last_hidden_state", "pooler_output", "encoder_state", "encoder_last_hidden_state", "loss"]:
        value = getattr(out, name, None)
        if value is not None:
            result[f"output.{name}"] = value
    for name in ["hidden_states", "encoder_hidden_states", "decoder_hidden_states"]:
        for i, h in enumerate(getattr(out, name, None) or []):
            result[f"output.{name}.{i}"] = h
    if "loss" in out and out.loss is not None:
        loss = out.loss
    else:
        # Of a model without a loss: a weighted sum of what is attended to.
        states = out.last_hidden_state
        weights = torch.sin(torch.arange(states.numel()).reshape(states.shape) * 0.7)
        name = "decoder_attention_mask" if "decoder_attention_mask" in inputs else "attention_mask"
        mask = inputs[name][..., None] if name in inputs else 1
        loss = (states * weights * mask).sum()
        result["output.loss"] = loss
    loss.backward()
    model.load_state_dict(before)
    # A tied weight goes by the name that it is tied to, not by the one that comes first.
    tied = getattr(model, "all_tied_weights_keys", {})
    gradients = {tied.get(name, name): parameter.grad for name, parameter in model.named_parameters() if parameter.grad is not None}
    for name, gradient in names_of_files(model, gradients).items():
        result[f"grad.{name}"] = gradient
    return {key: value.detach().clone().contiguous() for key, value in result.items()}


def record(family, model, cases):
    folder = DATA / family
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    model.save_pretrained(folder)
    for extra in folder.glob("generation_config.json"):
        extra.unlink()
    (folder / "model.safetensors").chmod(0o644)
    config = json.loads((folder / "config.json").read_text())
    config.pop("transformers_version", None)
    (folder / "config.json").write_text(json.dumps(config, indent=1, sort_keys=True) + "\n")
    for case, inputs in cases.items():
        tensors = {f"input.{key}": value.contiguous() for key, value in inputs.items()}
        save_file({**tensors, **run(model, inputs, case)}, folder / f"{case}.safetensors")
        (folder / f"{case}.safetensors").chmod(0o644)


def causal_labels(inputs, generator):
    """Labels of -100 at padding and at the first two tokens, as of a prompt."""
    labels = inputs["input_ids"].masked_fill(inputs["attention_mask"] == 0, -100).clone()
    labels[:, :2] = -100
    return labels


def position_ids(inputs):
    return (inputs["attention_mask"].cumsum(-1) - 1).clamp(min=0)


def causal_cases(generator, positions=True):
    cases = {}
    for padding in ["none", "right", "left"]:
        inputs = token_inputs(generator, padding)
        inputs["labels"] = causal_labels(inputs, generator)
        if positions:
            inputs["position_ids"] = position_ids(inputs)
        cases[padding] = inputs
    return cases


def encoder_cases(generator, labels=None, types=True, pad=0):
    cases = {}
    for padding in ["none", "right", "left"]:
        inputs = token_inputs(generator, padding)
        inputs["input_ids"] = inputs["input_ids"].masked_fill(inputs["attention_mask"] == 0, pad)
        if types:
            inputs["token_type_ids"] = torch.randint(0, 2, inputs["input_ids"].shape, generator=generator)
        if labels is not None:
            inputs["labels"] = labels(inputs, generator)
        cases[padding] = inputs
    return cases


def span_cases(generator, **options):
    """Where answers begin and end; of some texts beyond the end, where they do not count."""
    cases = encoder_cases(generator, **options)
    for inputs in cases.values():
        inputs["start_positions"] = torch.tensor([1, 4, 9])
        inputs["end_positions"] = torch.tensor([3, 7, 6])
    return cases


def seq2seq_cases(generator, labels):
    """With labels alone, which are shifted to the right, or with targets of their own; texts and targets have different lengths."""
    cases = {}
    for padding in ["none", "right", "left"]:
        inputs = token_inputs(generator, padding)
        targets = token_inputs(generator, padding, length=5)
        if labels:
            inputs["labels"] = targets["input_ids"].masked_fill(targets["attention_mask"] == 0, -100)
        if not labels or padding == "left":
            inputs["decoder_input_ids"] = targets["input_ids"]
            inputs["decoder_attention_mask"] = targets["attention_mask"]
        cases[padding] = inputs
    return cases


def untied(kind):
    """A model with a head of its own, as version 1.1 has it, however the configuration is read."""
    def make(config):
        model = kind(config)
        model.lm_head.weight = torch.nn.Parameter(model.lm_head.weight.detach().clone())
        model.all_tied_weights_keys.pop("lm_head.weight")
        return model
    return make


def sequence_cases(generator):
    """Cases of a decoder with a class for the whole text."""
    cases = causal_cases(generator)
    for inputs in cases.values():
        inputs["labels"] = sequence_labels(inputs, generator)
    return cases


def decoder_cases(generator):
    """Cases of a decoder without a head. No positions are given: they count from the left, padding too."""
    return {padding: token_inputs(generator, padding) for padding in ["none", "right", "left"]}


def sequence_labels(inputs, generator):
    return torch.randint(0, 3, (inputs["input_ids"].shape[0],), generator=generator)


def token_labels(count):
    def make(inputs, generator):
        labels = torch.randint(0, count, inputs["input_ids"].shape, generator=generator)
        return labels.masked_fill(inputs["attention_mask"] == 0, -100)
    return make


def encoder_families(t, vocab):
    bert = t.BertConfig(**ENCODER, num_labels=3, tie_word_embeddings=False)
    yield "bert-masked-untied", t.BertForMaskedLM, bert, lambda g: encoder_cases(g, token_labels(vocab))
    yield "bert-spans", t.BertForQuestionAnswering, t.BertConfig(**ENCODER), span_cases
    # The padding token is not 0, so that positions show that they count from it.
    tokens = {**ENCODER, "pad_token_id": 1, "bos_token_id": 0}
    for prefix, kind, roberta in [("roberta", "Roberta", t.RobertaConfig), ("xlm-roberta", "XLMRoberta", t.XLMRobertaConfig)]:
        config = roberta(**tokens, num_labels=3, type_vocab_size=2)
        yield prefix, getattr(t, f"{kind}Model"), config, lambda g: encoder_cases(g, pad=1)
        yield f"{prefix}-sequence", getattr(t, f"{kind}ForSequenceClassification"), config, lambda g: encoder_cases(g, sequence_labels, pad=1)
        yield f"{prefix}-token", getattr(t, f"{kind}ForTokenClassification"), config, lambda g: encoder_cases(g, token_labels(3), pad=1)
        yield f"{prefix}-spans", getattr(t, f"{kind}ForQuestionAnswering"), roberta(**tokens, type_vocab_size=2), lambda g: span_cases(g, pad=1)
        yield f"{prefix}-masked", getattr(t, f"{kind}ForMaskedLM"), config, lambda g: encoder_cases(g, token_labels(vocab), pad=1)
    distil = t.DistilBertConfig(dim=16, n_layers=2, n_heads=4, hidden_dim=24, max_position_embeddings=20, num_labels=3, **TOKENS)
    yield "distilbert", t.DistilBertModel, distil, lambda g: encoder_cases(g, types=False)
    yield "distilbert-sequence", t.DistilBertForSequenceClassification, distil, lambda g: encoder_cases(g, sequence_labels, types=False)
    yield "distilbert-token", t.DistilBertForTokenClassification, distil, lambda g: encoder_cases(g, token_labels(3), types=False)
    yield "distilbert-masked", t.DistilBertForMaskedLM, distil, lambda g: encoder_cases(g, token_labels(vocab), types=False)
    yield "distilbert-spans", t.DistilBertForQuestionAnswering, t.DistilBertConfig(**{**distil.to_dict(), "num_labels": 2}), lambda g: span_cases(g, types=False)
    albert = t.AlbertConfig(**ENCODER, embedding_size=10, num_labels=3)
    # Three layers share the parameters of two groups, of two layers each.
    grouped = t.AlbertConfig(**{**ENCODER, "num_hidden_layers": 3}, embedding_size=10, num_hidden_groups=2, inner_group_num=2, hidden_act="gelu")
    yield "albert", t.AlbertModel, albert, lambda g: encoder_cases(g)
    yield "albert-groups", t.AlbertModel, grouped, lambda g: encoder_cases(g)
    yield "albert-sequence", t.AlbertForSequenceClassification, albert, lambda g: encoder_cases(g, sequence_labels)
    yield "albert-token", t.AlbertForTokenClassification, albert, lambda g: encoder_cases(g, token_labels(3))
    yield "albert-masked", t.AlbertForMaskedLM, albert, lambda g: encoder_cases(g, token_labels(vocab))
    yield "albert-spans", t.AlbertForQuestionAnswering, t.AlbertConfig(**ENCODER, embedding_size=10), span_cases
    t5 = dict(vocab_size=vocab, d_model=16, d_kv=6, d_ff=24, num_layers=2, num_heads=4, decoder_start_token_id=0)
    yield "t5", t.T5Model, t.T5Config(**t5), lambda g: seq2seq_cases(g, False)
    yield "t5-encoder", t.T5EncoderModel, t.T5Config(**t5), lambda g: encoder_cases(g, types=False)
    yield "t5-lm", t.T5ForConditionalGeneration, t.T5Config(**t5), lambda g: seq2seq_cases(g, True)
    # Version 1.1, with so few buckets that distances share them.
    gated = t.T5Config(**{**t5, "num_decoder_layers": 3}, feed_forward_proj="gated-gelu", tie_word_embeddings=False,
                       relative_attention_num_buckets=8, relative_attention_max_distance=6)
    yield "t5-lm-untied", untied(t.T5ForConditionalGeneration), gated, lambda g: seq2seq_cases(g, True)
    yield "mt5", t.MT5Model, t.MT5Config(**t5), lambda g: seq2seq_cases(g, False)
    yield "mt5-encoder", t.MT5EncoderModel, t.MT5Config(**t5), lambda g: encoder_cases(g, types=False)
    yield "mt5-lm", untied(t.MT5ForConditionalGeneration), t.MT5Config(**t5), lambda g: seq2seq_cases(g, True)


def image_cases(generator, size, labels=None, channels=3, batch=3):
    """Cases: `images`; of models with state, and with dropout of rate 0, `training` too; `interpolated` at another size."""
    inputs = {"pixel_values": torch.randn(batch, channels, *size, generator=generator)}
    if labels is not None:
        inputs["labels"] = torch.randint(0, labels, (batch,), generator=generator)
    return {"images": inputs}


def families():
    t = transformers
    vocab = TOKENS["vocab_size"]
    bert = t.BertConfig(**ENCODER, num_labels=3)
    yield "bert", t.BertModel, bert, lambda g: encoder_cases(g)
    yield "bert-sequence", t.BertForSequenceClassification, bert, lambda g: encoder_cases(g, sequence_labels)
    yield "bert-token", t.BertForTokenClassification, bert, lambda g: encoder_cases(g, token_labels(3))
    yield "bert-masked", t.BertForMaskedLM, bert, lambda g: encoder_cases(g, token_labels(vocab))
    yield from encoder_families(t, vocab)
    llama = t.LlamaConfig(**DECODER, rope_theta=1000.0)
    yield "llama", t.LlamaForCausalLM, llama, causal_cases
    yield "llama-tied", t.LlamaForCausalLM, t.LlamaConfig(**DECODER, tie_word_embeddings=True, attention_bias=True, mlp_bias=True, head_dim=6), causal_cases
    yield "llama-linear", t.LlamaForCausalLM, t.LlamaConfig(**DECODER, rope_scaling={"rope_type": "linear", "factor": 4.0}), causal_cases
    yield "llama-dynamic", t.LlamaForCausalLM, t.LlamaConfig(**{**DECODER, "max_position_embeddings": 4}, rope_scaling={"rope_type": "dynamic", "factor": 4.0}), causal_cases
    yield "llama-llama3", t.LlamaForCausalLM, t.LlamaConfig(**DECODER, head_dim=16, rope_scaling={
        "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 16}), causal_cases
    yield "llama-yarn", t.LlamaForCausalLM, t.LlamaConfig(**DECODER, head_dim=16, rope_scaling={
        "rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16}), causal_cases
    yield "llama-longrope", t.LlamaForCausalLM, t.LlamaConfig(**DECODER, head_dim=8, rope_scaling={
        "rope_type": "longrope", "factor": 4.0, "short_factor": [1.0, 1.5, 2.0, 3.0], "long_factor": [1.0, 2.5, 4.0, 7.0],
        "original_max_position_embeddings": 5}), causal_cases
    yield "mistral", t.MistralForCausalLM, t.MistralConfig(**DECODER, sliding_window=3), causal_cases
    yield "qwen2", t.Qwen2ForCausalLM, t.Qwen2Config(**DECODER, use_sliding_window=True, sliding_window=3, max_window_layers=1), causal_cases
    yield "qwen3", t.Qwen3ForCausalLM, t.Qwen3Config(**DECODER, head_dim=8), causal_cases
    vit = dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=4, intermediate_size=24, num_labels=5)
    yield "vit", t.ViTModel, t.ViTConfig(**vit, image_size=12, patch_size=4, pooler_output_size=10, pooler_act="relu"), \
        lambda g: image_cases(g, (12, 12)) | {"interpolated": image_cases(g, (16, 8))["images"]}
    yield "vit-image", t.ViTForImageClassification, t.ViTConfig(**vit, image_size=[8, 12], patch_size=[4, 2], num_channels=1, qkv_bias=False, hidden_act="gelu_new"), \
        lambda g: image_cases(g, (8, 12), labels=5, channels=1)
    resnet = dict(embedding_size=6, num_labels=5)
    stateful = lambda g, **more: {"evaluation": image_cases(g, (33, 30), **more)["images"], "training": image_cases(g, (33, 30), **more)["images"]}
    yield "resnet", t.ResNetModel, t.ResNetConfig(**resnet, hidden_sizes=[6, 10], depths=[2, 1], layer_type="basic"), stateful
    yield "resnet-bottleneck", t.ResNetForImageClassification, t.ResNetConfig(**resnet, hidden_sizes=[8, 12], depths=[1, 2]), lambda g: stateful(g, labels=5)
    yield "resnet-early", t.ResNetForImageClassification, t.ResNetConfig(**resnet, hidden_sizes=[8, 12], depths=[1, 2], hidden_act="gelu", num_channels=1,
        downsample_in_first_stage=True, downsample_in_bottleneck=True), lambda g: stateful(g, labels=5, channels=1)
    # The same bodies without a head, and with a class for the whole text: small, since their layers are above.
    small = dict(**{**DECODER, "hidden_size": 8, "num_hidden_layers": 1, "intermediate_size": 12})
    for name in ["Llama", "Mistral", "Qwen2", "Qwen3"]:
        config = getattr(t, name + "Config")(**small, num_labels=3)
        yield f"{name.lower()}-base", getattr(t, name + "Model"), config, decoder_cases
        yield f"{name.lower()}-sequence", getattr(t, name + "ForSequenceClassification"), config, sequence_cases

    gpt2 = dict(n_embd=16, n_layer=2, n_head=4, n_inner=24, n_positions=20, **TOKENS)
    small = dict(**{**gpt2, "n_layer": 1, "n_embd": 8, "n_inner": None})
    yield "gpt2", t.GPT2LMHeadModel, t.GPT2Config(**gpt2), causal_cases
    yield "gpt2-inverse", t.GPT2LMHeadModel, t.GPT2Config(**gpt2, scale_attn_by_inverse_layer_idx=True, tie_word_embeddings=False), causal_cases
    yield "gpt2-base", t.GPT2Model, t.GPT2Config(**small), decoder_cases
    yield "gpt2-sequence", t.GPT2ForSequenceClassification, t.GPT2Config(**small, num_labels=3), sequence_cases

    # Scores that reach the caps, windows shorter than the text, and both kinds of layers.
    gemma = dict(**DECODER, head_dim=8)
    windows = dict(sliding_window=3, query_pre_attn_scalar=5)
    gemma3 = dict(layer_types=["sliding_attention", "full_attention"], rope_parameters={
        "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1000.0},
        "sliding_attention": {"rope_type": "default", "rope_theta": 100.0}})
    yield "gemma", t.GemmaForCausalLM, t.GemmaConfig(**gemma), causal_cases
    yield "gemma2", t.Gemma2ForCausalLM, t.Gemma2Config(**gemma, **windows, attn_logit_softcapping=3.0, final_logit_softcapping=2.0), causal_cases
    yield "gemma3", t.Gemma3ForCausalLM, t.Gemma3TextConfig(**gemma, **windows, **gemma3), causal_cases
    small = dict(**{**gemma, "hidden_size": 8, "num_hidden_layers": 1, "intermediate_size": 12})
    for name, kind, config in [("gemma", "Gemma", t.GemmaConfig(**small, num_labels=3)),
                               ("gemma2", "Gemma2", t.Gemma2Config(**small, num_labels=3)),
                               ("gemma3", "Gemma3Text", t.Gemma3TextConfig(**small, num_labels=3))]:
        yield f"{name}-base", getattr(t, kind + "Model"), config, decoder_cases
        yield f"{name}-sequence", getattr(t, kind + "ForSequenceClassification"), config, sequence_cases


def record_buckets():
    """Where each of T5's buckets of distances begins, as [bucket, distance]."""
    bucket = transformers.models.t5.modeling_t5.T5Attention._relative_position_bucket
    rows = []
    for count, furthest in [(32, 128), (16, 128), (8, 128), (64, 128), (32, 256), (12, 100), (7, 50), (8, 6), (4, 3), (320, 1280), (32, 1000)]:
        buckets = bucket(-torch.arange(furthest + 1), bidirectional=False, num_buckets=count, max_distance=furthest).tolist()
        rows.append({"count": count, "furthest": furthest, "begin": [[b, d] for d, b in enumerate(buckets) if d == 0 or buckets[d - 1] != b]})
    text = ",\n ".join(json.dumps(row) for row in rows)
    (DATA.parent / "buckets.json").write_text(f"[{text}]\n")


def main(wanted):
    transformers.logging.set_verbosity_error()
    for name, kind, config, cases in families():
        if wanted and name not in wanted:
            continue
        generator = torch.Generator().manual_seed(0)
        config._attn_implementation = "eager"
        model = kind(config).float().eval()
        randomise(model, generator)
        record(name, model, cases(generator))
        print(name)
    if not wanted or "buckets" in wanted:
        record_buckets()


if __name__ == "__main__":
    main(sys.argv[1:])
