import AnabranchCore
import Scheduling

/// All that a simulation follows from. A value: it can be run again, made smaller, and written down.
struct Schedule {
    /// Latencies and the like follow from it, at each place on its own.
    var seed: UInt64
    var workload: Workload
    var steps: [Adversity]

    init(seed: UInt64, workload: Workload, steps: [Adversity]) {
        self.seed = seed
        self.workload = workload
        self.steps = steps
    }

    init(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let workload = Workload.random(&random)
        self.init(seed: seed, workload: workload, steps: .random(for: workload, &random))
    }

    var simulation: Simulation { Simulation(seed: seed, workload: workload, steps: steps) }

    /// Tasks, workers and steps.
    var size: Int { workload.runs.reduce(0) { $0 + $1.tasks.count } + workload.workers.count + steps.count }
}
