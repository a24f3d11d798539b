// SPDX-License-Identifier: Apache-2.0
// Certificates: a CA of a test's own, and what it signs, in a folder that goes with it.
//
//   Authority ca;
//   const Identity server = ca.sign({.names = {"localhost"}, .addresses = {"127.0.0.1"}});
//   options.tls.ca = ca.file();
#pragma once

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace rebuilder::test {

struct Identity {
    std::shared_ptr<EVP_PKEY> key;
    std::shared_ptr<X509> certificate;
};

struct Subject {
    std::vector<std::string> names{};      // what it is for
    std::vector<std::string> addresses{};  // the same
    long from_s = -3600;                   // seconds from now
    long until_s = 3600;
};

class Authority {
  public:
    explicit Authority(const std::string& name = "the test's CA") {
        key_ = new_key();
        certificate_ = make(name.c_str(), key_, {}, true);
        std::string pattern = "/tmp/rebuilder-ca-XXXXXX";
        const int fd = ::mkstemp(pattern.data());
        std::FILE* out = fd >= 0 ? ::fdopen(fd, "w") : nullptr;
        if (out == nullptr || PEM_write_X509(out, certificate_.get()) != 1) throw std::runtime_error("no CA file");
        std::fclose(out);
        file_ = pattern;
    }
    Authority(const Authority&) = delete;
    Authority& operator=(const Authority&) = delete;
    ~Authority() { ::unlink(file_.c_str()); }

    [[nodiscard]] const std::string& file() const { return file_; }

    [[nodiscard]] Identity sign(const Subject& subject) const {
        auto key = new_key();
        return {key, make("server", key, subject, false)};
    }

  private:
    static std::shared_ptr<EVP_PKEY> new_key() { return {EVP_EC_gen("P-256"), EVP_PKEY_free}; }

    std::shared_ptr<X509> make(
        const char* name, const std::shared_ptr<EVP_PKEY>& key, const Subject& subject, bool is_ca) const {
        std::shared_ptr<X509> made(X509_new(), X509_free);
        X509_set_version(made.get(), 2);
        ASN1_INTEGER_set(X509_get_serialNumber(made.get()), is_ca ? 1 : 2);
        X509_gmtime_adj(X509_getm_notBefore(made.get()), subject.from_s);
        X509_gmtime_adj(X509_getm_notAfter(made.get()), subject.until_s);
        X509_set_pubkey(made.get(), key.get());
        X509_NAME* own = X509_get_subject_name(made.get());
        X509_NAME_add_entry_by_txt(own, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
        X509_set_issuer_name(made.get(), is_ca ? own : X509_get_subject_name(certificate_.get()));
        add(made.get(), NID_basic_constraints, is_ca ? "critical,CA:TRUE" : "CA:FALSE");
        std::string alternatives;
        for (const std::string& each : subject.names) alternatives += ",DNS:" + each;
        for (const std::string& each : subject.addresses) alternatives += ",IP:" + each;
        if (!alternatives.empty()) add(made.get(), NID_subject_alt_name, alternatives.substr(1));
        X509_sign(made.get(), is_ca ? key.get() : key_.get(), EVP_sha256());
        return made;
    }
    static void add(X509* to, int what, const std::string& value) {
        X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, what, value.c_str());
        X509_add_ext(to, extension, -1);
        X509_EXTENSION_free(extension);
    }

    std::shared_ptr<EVP_PKEY> key_;
    std::shared_ptr<X509> certificate_;
    std::string file_;
};

}  // namespace rebuilder::test
