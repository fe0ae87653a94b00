// Services near a machine that give it credentials for a while.
#pragma once

#include "s3/credentials.h"

namespace pv::s3 {

[[nodiscard]] bool has_container_service(const Environment& environment);

// Of ECS and EKS. A full address must be https, of this machine, or one of the two that ECS and EKS
// use: a token is not sent anywhere else.
[[nodiscard]] Result<Credentials> credentials_of_container(const Environment& environment,
                                                           std::stop_token stop);

// Of EC2, by IMDSv2: each answer needs a token that a PUT gives, which no proxy or redirect of a
// careless program can be made to send.
[[nodiscard]] Result<Credentials> credentials_of_instance(const Environment& environment,
                                                          std::stop_token stop);

}  // namespace pv::s3
