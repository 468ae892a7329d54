// The manifest of a model on the command line: where it lies, and whether its signature holds.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "files/manifest.h"

namespace holdfast::cli {

// Where `manifest create` writes and loading looks: MODEL.sig beside a file, model.sig in a
// directory (model signing's own name).
std::string manifest_path(const std::string& model);

struct ModelManifest {
  Manifest manifest;
  std::string path;
  std::string directory;  // that names are relative to; empty: the model is one file, "."
  bool signature_checked = false;

  // What the manifest says of a file; corrupt when it does not name it.
  Result<const ManifestFile*> expected(const std::string& file) const;
};

// The manifest named, or the one that lies beside MODEL (also model.sig of the directory a file is
// in); null when there is none and no key was given. `public_key`: a PEM file that must have signed
// it; empty: the chunks are checked, the signature is not, and the log says so.
Result<std::shared_ptr<const ModelManifest>> find_manifest(const std::string& model,
                                                           const std::string& named,
                                                           const std::string& public_key);

}  // namespace holdfast::cli
