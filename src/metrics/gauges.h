// What is no count of this process, but looked up for each scrape.
#pragma once

#include <prometheus/metric_family.h>

#include <vector>

#include "metrics/metrics.h"
#include "metrics/process.h"

namespace pv::metrics {

// A date that there is not is 0, so that "longer ago than a day" is true of what never happened.
// What is not known at all is left out.
[[nodiscard]] std::vector<prometheus::MetricFamily> gauges_of(const Moment& moment);
[[nodiscard]] std::vector<prometheus::MetricFamily> gauges_of(const ProcessFacts& process);

// One value without a label.
[[nodiscard]] prometheus::MetricFamily gauge(std::string name, std::string help, double value);

}  // namespace pv::metrics
