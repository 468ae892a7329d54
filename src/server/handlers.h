// The handlers that the route table names; one file for each family.
#pragma once

#include "server/router.h"

namespace holdfast {

Reply handle_health(const Call& call);
Reply handle_ready(const Call& call);
Reply handle_live(const Call& call);
Reply handle_openapi(const Call& call);
Reply handle_docs(const Call& call);
Reply handle_metrics(const Call& call);
Reply handle_list_models(const Call& call);
Reply handle_get_model(const Call& call);
Reply handle_chat_completions(const Call& call);
Reply handle_completions(const Call& call);
Reply handle_messages(const Call& call);
Reply handle_count_tokens(const Call& call);
Reply handle_responses(const Call& call);
Reply handle_get_response(const Call& call);
Reply handle_delete_response(const Call& call);
Reply handle_upload_file(const Call& call);
Reply handle_list_files(const Call& call);
Reply handle_get_file(const Call& call);
Reply handle_file_content(const Call& call);
Reply handle_delete_file(const Call& call);
Reply handle_create_batch(const Call& call);
Reply handle_list_batches(const Call& call);
Reply handle_get_batch(const Call& call);
Reply handle_cancel_batch(const Call& call);
Reply handle_tokenize(const Call& call);
Reply handle_detokenize(const Call& call);
Reply handle_apply_template(const Call& call);
Reply handle_embeddings(const Call& call);
Reply handle_rerank(const Call& call);

}  // namespace holdfast
