"""Writes the trained model as a Hugging Face folder and as a GGUF file."""

import argparse
import json
from pathlib import Path

import chat
import gguf
import weights
from safetensors.torch import save_file

Q8 = gguf.GGMLQuantizationType.Q8_0
LIMIT = 8 * 1024 * 1024


def write_folder(model, tok_path, out):
    """config.json, model.safetensors and the tokenizer's files."""
    c = model.cfg
    out.mkdir(parents=True, exist_ok=True)
    save_file(
        {"model." + k: v.contiguous() for k, v in model.state_dict().items()},
        out / "model.safetensors",
        metadata={"format": "pt"},
    )
    vocab = json.loads(tok_path.read_text(encoding="utf-8"))
    ids = {t["content"]: t["id"] for t in vocab["added_tokens"]}
    config = {
        "architectures": ["Qwen2ForCausalLM"],
        "model_type": "qwen2",
        "hidden_act": "silu",
        "vocab_size": c.vocab,
        "hidden_size": c.hidden,
        "num_hidden_layers": c.layers,
        "num_attention_heads": c.heads,
        "num_key_value_heads": c.kv_heads,
        "intermediate_size": c.ffn,
        "max_position_embeddings": c.context,
        "rope_theta": c.rope_theta,
        "rms_norm_eps": c.eps,
        "tie_word_embeddings": True,
        "attention_dropout": 0.0,
        "initializer_range": 0.02,
        "use_sliding_window": False,
        "torch_dtype": "float32",
        "bos_token_id": ids[chat.BOS],
        "eos_token_id": ids[chat.EOS],
    }
    special = {"bos_token": chat.BOS, "eos_token": chat.EOS, "pad_token": chat.PAD}
    tokenizer = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "add_bos_token": True,
        "add_eos_token": False,
        "clean_up_tokenization_spaces": False,
        "model_max_length": c.context,
        "chat_template": chat.TEMPLATE,
        **special,
    }
    generation = {
        "bos_token_id": ids[chat.BOS],
        "eos_token_id": ids[chat.EOS],
        "pad_token_id": ids[chat.PAD],
        "do_sample": False,
    }
    files = {"config.json": config, "tokenizer_config.json": tokenizer, "generation_config.json": generation}
    for name, data in files.items():
        (out / name).write_text(json.dumps(data, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    (out / "tokenizer.json").write_text(json.dumps(vocab, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def write_gguf(model, tok_path, out):
    """One GGUF file: matrices in Q8_0, norms and biases in F32."""
    c = model.cfg
    vocab = json.loads(tok_path.read_text(encoding="utf-8"))
    tokens = dict(vocab["model"]["vocab"])
    kinds = dict.fromkeys(tokens.values(), gguf.TokenType.NORMAL)
    for t in vocab["added_tokens"]:
        tokens[t["content"]] = t["id"]
        kinds[t["id"]] = gguf.TokenType.CONTROL if t["special"] else gguf.TokenType.USER_DEFINED
    order = sorted(tokens, key=tokens.get)
    merges = [m if isinstance(m, str) else " ".join(m) for m in vocab["model"]["merges"]]

    w = gguf.GGUFWriter(out, "qwen2")
    w.add_name("Holdfast Demo")
    w.add_description("A small demonstration model, trained from nothing on generated problems; not R1.")
    w.add_license("apache-2.0")
    w.add_languages(["en", "zh"])
    w.add_custom_alignment(32)
    w.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    w.add_quantization_version(gguf.GGML_QUANT_VERSION)
    w.add_vocab_size(c.vocab)
    w.add_context_length(c.context)
    w.add_embedding_length(c.hidden)
    w.add_block_count(c.layers)
    w.add_feed_forward_length(c.ffn)
    w.add_head_count(c.heads)
    w.add_head_count_kv(c.kv_heads)
    w.add_layer_norm_rms_eps(c.eps)
    w.add_rope_freq_base(c.rope_theta)
    w.add_tokenizer_model("gpt2")
    w.add_tokenizer_pre("qwen2")
    w.add_token_list(order)
    w.add_token_types([kinds[tokens[t]] for t in order])
    w.add_token_merges(merges)
    w.add_bos_token_id(tokens[chat.BOS])
    w.add_eos_token_id(tokens[chat.EOS])
    w.add_pad_token_id(tokens[chat.PAD])
    w.add_add_bos_token(True)
    w.add_add_eos_token(False)
    w.add_chat_template(chat.TEMPLATE)
    for name, p in model.state_dict().items():
        data = p.float().numpy()
        if data.ndim == 2:
            w.add_tensor(weights.gguf_name(name), gguf.quantize(data, Q8), raw_dtype=Q8)
        else:
            w.add_tensor(weights.gguf_name(name), data)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def main():
    """Exports."""
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--work", type=Path, required=True, help="folder with tokenizer.json and checkpoint.pt")
    p.add_argument("--gguf", type=Path, required=True, help="the GGUF file to write")
    args = p.parse_args()
    model, state = weights.from_checkpoint(args.work / "checkpoint.pt")
    tok_path = args.work / "tokenizer.json"
    write_folder(model, tok_path, args.work / "hf")
    args.gguf.parent.mkdir(parents=True, exist_ok=True)
    write_gguf(model, tok_path, args.gguf)
    size = args.gguf.stat().st_size
    print(f"{args.gguf}: {size} bytes, after {state['step']} steps, {state['tokens'] / 1e6:.1f} million tokens")
    if size > LIMIT:
        raise SystemExit("the GGUF file is larger than 8 MiB")


if __name__ == "__main__":
    main()
