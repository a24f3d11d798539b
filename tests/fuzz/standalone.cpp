// SPDX-License-Identifier: Apache-2.0
// The main() of a fuzz target where libFuzzer isn't: runs the target once on each file, and on each file of a folder.
//   fuzz-TARGET FILE|FOLDER...
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include "fuzz/fuzz.h"

namespace {

// The name goes first: it is the last line if the target aborts.
void run(const std::filesystem::path& path) {
    std::fprintf(stderr, "%s\n", path.c_str());
    std::ifstream file(path, std::ios::binary);
    const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
    const rebuilder::fuzz::Copy copy(rebuilder::as_bytes({bytes.data(), bytes.size()}));
    (void)LLVMFuzzerTestOneInput(copy.bytes().data(), copy.bytes().size());
}

}  // namespace

int main(int argc, char** argv) {
    std::size_t inputs = 0;
    for (int i = 1; i < argc; ++i) {
        if (std::filesystem::is_regular_file(argv[i])) {
            run(argv[i]);
            ++inputs;
            continue;
        }
        for (const auto& entry : std::filesystem::directory_iterator(argv[i])) {
            run(entry.path());
            ++inputs;
        }
    }
    std::printf("%zu inputs\n", inputs);
    return inputs == 0;  // nothing was tested
}
