// SPDX-License-Identifier: Apache-2.0
#include "devices.h"

#include <algorithm>

#include "nic/exception_path.h"
#include "nic/host.h"

namespace rebuilder {

std::vector<nic::Device> devices_of(const Config& config) {
    const auto workers = static_cast<std::uint16_t>(std::max(config.workers, 1u));
    std::vector<nic::Device> devices;
    for (const std::string& spec : config.inputs) {
        const nic::Input input = nic::parse_input(spec);
        devices.push_back(nic::make_device(input, devices.size(), nic::queues_for(input, workers)));
    }
    return devices;
}

unsigned workers_of(const Config& config, const std::vector<nic::Device>& devices) {
    unsigned queues = 0;
    for (const nic::Device& device : devices) queues += device.queues;
    return config.workers != 0 ? config.workers : std::max(queues, 1u);
}

nic::PortOptions port_options(const Config& config) {
    nic::PortOptions options;
    options.descriptors = config.rx_descriptors;
    options.exceptions = config.exception_path != nic::ExceptionKind::none;
    return options;
}

nic::EalOptions eal_options(const Config& config, const std::vector<nic::Device>& devices, unsigned workers) {
    nic::EalOptions options;
    options.devices = devices;
    options.workers = workers;
    options.lcores = config.lcores;
    options.extra = config.eal;
    for (const nic::Device& device : devices) {
        options.buffer_bytes +=
            nic::buffer_bytes(device, port_options(config)) + nic::exception_bytes(config.exception_path);
        if (options.node < 0 && device.input.kind == nic::InputKind::dpdk) {
            options.node = nic::pci_numa_node(device.port_name);
        }
    }
    return options;
}

}  // namespace rebuilder
