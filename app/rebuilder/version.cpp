// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <llhttp.h>
#include <nghttp2/nghttp2.h>
#include <openssl/crypto.h>
#include <pcap/pcap.h>

#include "nic/eal.h"
#include "options.h"

namespace rebuilder {

std::string version_text() {
    return fmt::format("rebuilder {}\n{}\nllhttp {}.{}.{}\nnghttp2 {}\n{}\n{}\n", REBUILDER_VERSION,
        nic::Eal::version(), LLHTTP_VERSION_MAJOR, LLHTTP_VERSION_MINOR, LLHTTP_VERSION_PATCH,
        nghttp2_version(0)->version_str, OpenSSL_version(OPENSSL_VERSION), pcap_lib_version());
}

}  // namespace rebuilder
