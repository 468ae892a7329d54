"""Makes tiny random BERTs and what transformers computes with them, in float32.

bert/           BertModel with tokenizer.json and the modules of sentence-transformers (mean, normalized)
bert_cls/       the same weights under the prefix "bert.", pooled by the first token, not normalized; vocab.txt
cross_encoder/  BertForSequenceClassification with one label; vocab.txt
expected.json   texts, their tokens, embeddings and scores

Run with torch, transformers and tokenizers from PyPI; the expected values come from them alone.
"""

import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertForSequenceClassification, BertModel, BertTokenizerFast

HERE = Path(__file__).resolve().parent
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = [
    "the",
    "of",
    "and",
    "in",
    "model",
    "server",
    "rain",
    "cloud",
    "house",
    "price",
    "is",
    "an",
    "to",
    "what",
    "how",
]
WORDS += ["weather", "open", "close", "report"]
TEXTS = [
    "The weather report: rain in the clouds!",
    "a",
    "How is the house price?",
    "CAFÉ Ångström naïve",
    "模型 und Häuser, 2024-11-25; $5.00",
    "unknown \u2603 snowman and \U0001f600",
    "[CLS] is text here, and [SEP] too",
    "  \t spaces \n everywhere \u00a0 ",
    "and so on " * 9,
]
QUERY = "What is the weather?"
DOCUMENTS = ["Rain in the clouds.", "The house price is open.", "weather", "so " * 80, "模型"]


def vocabulary() -> list[str]:
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)] + list("0123456789")
    signs = list("!\"#$%&'()*+,-./:;<=>?@[]^_`{|}~")
    wide = list("模型天气服务")
    words = sorted(WORDS)
    pieces = ["##" + letter for letter in letters] + ["##ing", "##s", "##er", "##ther"]
    return list(dict.fromkeys(SPECIAL + letters + signs + wide + words + pieces))


def config(vocab: int) -> BertConfig:
    return BertConfig(
        vocab_size=vocab,
        hidden_size=36,
        num_hidden_layers=2,
        num_attention_heads=3,
        intermediate_size=52,
        max_position_embeddings=64,
        type_vocab_size=2,
        layer_norm_eps=1e-12,
        num_labels=1,
    )


def randomize(model: torch.nn.Module, seed: int) -> None:
    """Weights far from the mild ones of an initialization, so that attention is sharp and norms matter."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in model.named_parameters():
            noise = torch.randn(value.shape, generator=generator)
            value.copy_(1 + 0.2 * noise if "LayerNorm.weight" in name else 0.3 * noise)


def fast_tokenizer(tokens: list[str]) -> Tokenizer:
    vocab = {token: i for i, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", vocab["[CLS]"]), ("[SEP]", vocab["[SEP]"])],
    )
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.add_special_tokens(SPECIAL)
    return tokenizer


def text_ids(tokenizer: Tokenizer, text: str) -> list[int]:
    """As [CLS] text [SEP], where what spells a special token stays text, as Holdfast has it."""
    plain = Tokenizer.from_str(tokenizer.to_str())
    data = json.loads(plain.to_str())
    data["added_tokens"] = []
    ids = Tokenizer.from_str(json.dumps(data)).encode(text, add_special_tokens=False).ids
    return [SPECIAL.index("[CLS]"), *ids, SPECIAL.index("[SEP]")]


def write(folder: Path, model: torch.nn.Module, prefix: str = "") -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    tensors = {prefix + name: value.detach().contiguous() for name, value in model.state_dict().items()}
    save_file({k: v for k, v in tensors.items() if v.is_floating_point()}, folder / "model.safetensors")
    data = model.config.to_diff_dict() | {
        "model_type": "bert",
        "architectures": [type(model).__name__],
        "vocab_size": model.config.vocab_size,
        "max_position_embeddings": model.config.max_position_embeddings,
    }
    data.pop("transformers_version", None)
    (folder / "config.json").write_text(json.dumps(data, indent=1, sort_keys=True) + "\n")


def write_pooling(folder: Path, mode: str, normalize: bool, most_tokens: int) -> None:
    modules = [("", "Transformer"), ("1_Pooling", "Pooling")] + ([("2_Normalize", "Normalize")] if normalize else [])
    (folder / "modules.json").write_text(
        json.dumps(
            [
                {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{name}"}
                for i, (path, name) in enumerate(modules)
            ],
            indent=1,
        )
    )
    (folder / "1_Pooling").mkdir()
    modes = {f"pooling_mode_{name}": name == mode for name in ("cls_token", "mean_tokens", "max_tokens")}
    (folder / "1_Pooling/config.json").write_text(json.dumps({"word_embedding_dimension": 36} | modes, indent=1))
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": most_tokens}))


def main() -> None:
    tokens = vocabulary()
    tokenizer = fast_tokenizer(tokens)
    bert = BertModel(config(len(tokens)), add_pooling_layer=False).eval()
    randomize(bert, 1)
    expected: dict = {"texts": []}
    for text in TEXTS:
        ids = text_ids(tokenizer, text)
        with torch.no_grad():
            hidden = bert(torch.tensor([ids]), attention_mask=torch.ones(1, len(ids))).last_hidden_state[0]
        mean = torch.nn.functional.normalize(hidden.mean(0), dim=0)
        expected["texts"].append(
            {"text": text, "tokens": ids, "mean": mean.tolist(), "cls": hidden[0].tolist()},
        )

    write(HERE / "bert", bert)
    tokenizer.save(str(HERE / "bert/tokenizer.json"), pretty=False)
    write_pooling(HERE / "bert", "mean_tokens", True, 48)
    write(HERE / "bert_cls", bert, "bert.")
    (HERE / "bert_cls/vocab.txt").write_text("".join(token + "\n" for token in tokens), encoding="utf-8")
    write_pooling(HERE / "bert_cls", "cls_token", False, 64)

    cross = BertForSequenceClassification(config(len(tokens))).eval()
    randomize(cross, 2)
    write(HERE / "cross_encoder", cross)
    (HERE / "cross_encoder/vocab.txt").write_text("".join(token + "\n" for token in tokens), encoding="utf-8")
    pairs = BertTokenizerFast(tokenizer_object=tokenizer, model_max_length=64)
    scores = []
    for document in DOCUMENTS:
        batch = pairs(QUERY, document, truncation="only_second", max_length=64, return_tensors="pt")
        with torch.no_grad():
            logit = cross(**batch).logits[0, 0].item()
        scores.append({"document": document, "tokens": batch["input_ids"][0].tolist(), "logit": logit})
    expected["query"] = QUERY
    expected["scores"] = scores
    (HERE / "expected.json").write_text(json.dumps(expected, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
