"""Writes tiny models of data/ as GGUF files into gguf/, as llama.cpp's convert_hf_to_gguf.py does. See record.py; needs gguf, too."""

import json
import math
import pathlib

import gguf
import numpy as np
from safetensors.numpy import load_file

HERE = pathlib.Path(__file__).parent


def permute(x, heads):
    """LlamaModel.permute of convert_hf_to_gguf.py."""
    return x.reshape(heads, 2, x.shape[0] // heads // 2, *x.shape[1:]).swapaxes(1, 2).reshape(x.shape)


def rope_factors(config):
    """LlamaModel.generate_extra_tensors of convert_hf_to_gguf.py."""
    rope = config["rope_parameters"]
    low, high, original = rope["low_freq_factor"], rope["high_freq_factor"], rope["original_max_position_embeddings"]
    dim = config["head_dim"]
    factors = []
    for i in range(0, dim, 2):
        wavelength = 2 * math.pi * rope["rope_theta"] ** (i / dim)
        if wavelength < original / high:
            factors.append(1)
        elif wavelength > original / low:
            factors.append(rope["factor"])
        else:
            smooth = (original / wavelength - low) / (high - low)
            factors.append(1 / ((1 - smooth) / rope["factor"] + smooth))
    return np.array(factors, dtype=np.float32)


def write(family, arch):
    config = json.loads((HERE / "data" / family / "config.json").read_text())
    rope = config.get("rope_parameters") or {}
    writer = gguf.GGUFWriter(HERE / "gguf" / f"{family}.gguf", arch)
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_key_length(config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_freq_base(rope.get("full_attention", rope).get("rope_theta", 10000.0))
    if rope.get("rope_type") == "linear":
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(rope["factor"])
    if arch in ("gemma2", "gemma3"):
        writer.add_sliding_window(config["sliding_window"])
        writer.add_sliding_window_pattern([kind == "sliding_attention" for kind in config["layer_types"]])
    if arch == "gemma2":
        writer.add_attn_logit_softcapping(config["attn_logit_softcapping"])
        writer.add_final_logit_softcapping(config["final_logit_softcapping"])
    if arch == "gemma3":
        whole, local = rope["full_attention"], rope["sliding_attention"]
        writer.add_rope_freq_base_swa(local["rope_theta"])
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(whole["factor"])
    writer.add_pad_token_id(config["pad_token_id"])
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH[arch.upper()], config["num_hidden_layers"])
    for name, x in load_file(HERE / "data" / family / "model.safetensors").items():
        if arch == "llama" and ".q_proj." in name:
            x = permute(x, config["num_attention_heads"])
        if arch == "llama" and ".k_proj." in name:
            x = permute(x, config["num_key_value_heads"])
        if arch.startswith("gemma") and name.endswith("norm.weight"):
            x = x + 1
        writer.add_tensor(names.get_name(name, try_suffixes=(".weight", ".bias")), x)
    if rope.get("rope_type") == "llama3":
        writer.add_tensor("rope_freqs.weight", rope_factors(config))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


(HERE / "gguf").mkdir(exist_ok=True)
for family, arch in [("llama", "llama"), ("llama-linear", "llama"), ("llama-tied", "llama"), ("qwen3", "qwen3"), ("gemma", "gemma"),
                     ("gemma2", "gemma2"), ("gemma3", "gemma3"), ("llama-llama3", "llama")]:
    write(family, arch)
