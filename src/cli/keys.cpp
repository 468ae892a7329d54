// holdfast keys generate|show|rotate: the keys of sealed files.
#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include "base/digest.h"
#include "cli/command.h"
#include "cli/key_options.h"
#include "seal/sealed_file.h"
#include "seal/signer.h"

namespace holdfast::cli {
namespace {

struct Options {
  std::string file;
  KeyOptions keys, new_keys;
  std::string sign;  // the kind of a signing key
  bool json = false;
};

int finish(const Status& status) { return status ? 0 : report(status.error()); }

Status show(const Options& options) {
  ASSIGN_OR_RETURN(const seal::Header header, seal::read_header(options.file));
  // With a key, also whether the header is genuine and the length right.
  if (!options.keys.empty()) {
    ASSIGN_OR_RETURN(const auto keys, open_keys(options.keys));
    ASSIGN_OR_RETURN(const auto opened, seal::SealedFile::open(options.file, keys));
  }
  if (options.json) {
    boost::json::array slots;
    for (const seal::KeySlot& slot : header.slots) slots.emplace_back(seal::describe(slot));
    fmt::print("{}\n", boost::json::serialize(boost::json::object{
                           {"version", 1},
                           {"bytes", header.plain_bytes},
                           {"chunks", header.chunks()},
                           {"file_id", to_hex(header.file_id)},
                           {"genuine", options.keys.empty() ? boost::json::value(nullptr)
                                                            : boost::json::value(true)},
                           {"keys", slots}}));
    return {};
  }
  fmt::print("sealed, format 1, {} bytes in {} chunks, file id {}\n", header.plain_bytes,
             header.chunks(), to_hex(header.file_id));
  for (const seal::KeySlot& slot : header.slots) fmt::print("opens with {}\n", describe(slot));
  if (!options.keys.empty()) fmt::print("the header is genuine\n");
  return {};
}

Status rotate(const Options& options) {
  ASSIGN_OR_RETURN(const auto keys, open_keys(options.keys));
  KeyOptions replacing = options.new_keys;
  replacing.pin_file = options.keys.pin_file;
  replacing.token_timeout = options.keys.token_timeout;
  ASSIGN_OR_RETURN(const auto new_keys, open_keys(replacing));
  return seal::rewrap_file(options.file, keys, new_keys);
}

void add_generate(CLI::App& keys, Action& action) {
  auto options = std::make_shared<Options>();
  CLI::App* command = keys.add_subcommand("generate", "Make a new key");
  command
      ->add_option("KEY", options->file,
                   "The key file to write, for its owner only, or pkcs11:token=T;object=NEW for a "
                   "key that is made in a token and stays there")
      ->required();
  add_key_options(*command, options->keys);
  command
      ->add_option("--sign", options->sign,
                   "A key for signing instead, KEY in PEM, and KEY.pub: ed25519 or p256")
      ->check(CLI::IsMember({"ed25519", "p256"}));
  command->callback([options, &action] {
    action = [options] {
      if (!options->sign.empty()) {
        return finish(seal::generate_signing_key(options->file, options->sign == "p256"
                                                                    ? seal::SigningKind::kP256
                                                                    : seal::SigningKind::kEd25519));
      }
      if (!options->file.starts_with("pkcs11:"))
        return finish(seal::generate_key_file(options->file));
      return finish(seal::generate_token_key(token_options(options->keys, options->file)));
    };
  });
}

void add_show(CLI::App& keys, Action& action) {
  auto options = std::make_shared<Options>();
  CLI::App* command = keys.add_subcommand("show", "Show a sealed file's header");
  command->add_option("FILE", options->file, "A sealed file")->required();
  add_key_options(*command, options->keys);
  command->add_flag("--json", options->json, "One JSON document on stdout");
  command->callback([options, &action] { action = [options] { return finish(show(*options)); }; });
}

void add_rotate(CLI::App& keys, Action& action) {
  auto options = std::make_shared<Options>();
  CLI::App* command = keys.add_subcommand(
      "rotate", "Exchange the keys that open a sealed file; its content is not touched");
  command->add_option("FILE", options->file, "A sealed file")->required();
  add_key_options(*command, options->keys);
  add_key_options(*command, options->new_keys, "new-");
  command->callback(
      [options, &action] { action = [options] { return finish(rotate(*options)); }; });
}

}  // namespace

void register_keys(CLI::App& app, Action& action) {
  CLI::App* keys = app.add_subcommand("keys", "Make, show and exchange keys");
  keys->require_subcommand(1);
  add_generate(*keys, action);
  add_show(*keys, action);
  add_rotate(*keys, action);
}

}  // namespace holdfast::cli
