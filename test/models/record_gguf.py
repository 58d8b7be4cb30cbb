"""Writes tiny models of data/ as GGUF files into gguf/, as llama.cpp's convert_hf_to_gguf.py does. See record.py; needs gguf, too."""

import json
import pathlib

import gguf
from safetensors.numpy import load_file

HERE = pathlib.Path(__file__).parent


def permute(x, heads):
    """LlamaModel.permute of convert_hf_to_gguf.py."""
    return x.reshape(heads, 2, x.shape[0] // heads // 2, *x.shape[1:]).swapaxes(1, 2).reshape(x.shape)


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
    writer.add_rope_freq_base(rope.get("rope_theta", 10000.0))
    if rope.get("rope_type") == "linear":
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(rope["factor"])
    writer.add_pad_token_id(config["pad_token_id"])
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH[arch.upper()], config["num_hidden_layers"])
    for name, x in load_file(HERE / "data" / family / "model.safetensors").items():
        if arch == "llama" and ".q_proj." in name:
            x = permute(x, config["num_attention_heads"])
        if arch == "llama" and ".k_proj." in name:
            x = permute(x, config["num_key_value_heads"])
        if arch == "gemma" and name.endswith("norm.weight"):
            x = x + 1
        writer.add_tensor(names.get_name(name, try_suffixes=(".weight", ".bias")), x)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


(HERE / "gguf").mkdir(exist_ok=True)
for family, arch in [("llama", "llama"), ("llama-linear", "llama"), ("llama-tied", "llama"), ("qwen3", "qwen3"), ("gemma", "gemma")]:
    write(family, arch)
