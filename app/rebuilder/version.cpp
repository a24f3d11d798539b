// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <llhttp.h>
#include <openssl/crypto.h>
#include <pcap/pcap.h>

#include "nic/eal.h"
#include "options.h"

namespace rebuilder {

std::string version_text() {
    return fmt::format("rebuilder {}\n{}\nllhttp {}.{}.{}\n{}\n{}\n", REBUILDER_VERSION, nic::Eal::version(),
        LLHTTP_VERSION_MAJOR, LLHTTP_VERSION_MINOR, LLHTTP_VERSION_PATCH, OpenSSL_version(OPENSSL_VERSION),
        pcap_lib_version());
}

}  // namespace rebuilder
