// What the bytes of a model are: digests of its files' chunks of 1 MiB, signed. The layout is
// OpenSSF model signing's 1.0 ("shards" of 1 MiB with SHA-256, in a sigstore bundle);
// docs/formats/manifest.md says what of it is used. Signatures themselves are made and checked
// elsewhere.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/result.h"
#include "files/chunked_source.h"

namespace holdfast {

struct ManifestFile {
  std::string name;  // relative to the model's directory; "." for a model that is one file
  uint64_t bytes = 0;
  std::vector<Digest> chunks;

  friend bool operator==(const ManifestFile&, const ManifestFile&) = default;
};

struct Manifest {
  std::string model;                // a name, for people
  std::vector<ManifestFile> files;  // by name; empty files are not listed
  std::string own_name;             // of the manifest, where it lies in the model's directory

  const ManifestFile* find(std::string_view name) const;
  // SHA-256 over the chunks' digests in order: stands for the whole model.
  Digest root() const;

  friend bool operator==(const Manifest&, const Manifest&) = default;
};

// A manifest as it is signed (an in-toto statement), and its signature.
struct SignedManifest {
  std::string payload;
  std::string signature;
  std::string key_hint;  // SHA-256 of the signer's public key in PEM, hexadecimal

  // What is signed: DSSE's pre-authentication encoding of the payload.
  std::string message() const;
};

std::string write_statement(const Manifest& manifest);
std::string write_bundle(const SignedManifest& manifest);
// corrupt for anything malformed or contradictory; unimplemented for a statement of another kind.
// `file`: for errors.
Result<Manifest> parse_statement(std::string_view text, const std::string& file);
Result<SignedManifest> parse_bundle(std::string_view text, const std::string& file);

// The digests of all chunks, computed on so many threads.
Result<ManifestFile> digest_chunks(std::string name, const ChunkReader& reader, int threads);

// The chunks of `reader`, each compared with its digest before anybody sees it. corrupt at once
// when the length is another.
Result<std::shared_ptr<const ChunkReader>> verified_chunks(
    std::shared_ptr<const ChunkReader> reader, ManifestFile expected);

}  // namespace holdfast
