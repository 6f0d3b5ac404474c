import AnabranchCore
import PipelineGraph
import Testing

@testable import Scheduling

@Suite struct EngineSimulationTests {
    private static let undisturbed: [[String]] = {
        let simulation = EngineSimulation(seed: 1, faults: .none)
        return simulation.results(of: requests(simulation.bytes))
    }()

    private static func requests(_ bytes: Bytes) -> [RunRequest] {
        let graphs = EngineGraphs(bytes: bytes, writer: WriterID(0xC1))
        return [
            graphs.line(.fit, partitions: 3),
            graphs.diamond(.crossValidate, partitions: 2) { $0.returnTrainScore = true },
            graphs.diamond(.fit, partitions: 2),
        ].map { request in
            var request = request
            for index in request.graph.nodes.indices { request.graph.nodes[index].retries = 1000 }
            // Some take all the cores of a worker.
            request.graph.nodes[0].limits.threads = 2
            return request
        }
    }

    @Test(arguments: 1...UInt64(40))
    func faultsChangeNothingThatIsTold(_ seed: UInt64) {
        let simulation = EngineSimulation(seed: seed, faults: .all)
        let results = simulation.results(of: Self.requests(simulation.bytes))
        #expect(simulation.problems == [], "seed \(seed)")
        #expect(results == Self.undisturbed, "seed \(seed)")
        #expect(simulation.engine.catalog.count == 0, "seed \(seed)")
        #expect(simulation.engine.tasks.isEmpty, "seed \(seed)")
    }

    @Test(arguments: 1...UInt64(20))
    func whatTheStoreLosesIsMadeAgain(_ seed: UInt64) {
        let simulation = EngineSimulation(seed: seed, faults: .store)
        let results = simulation.results(of: Self.requests(simulation.bytes))
        #expect(simulation.problems == [], "seed \(seed)")
        #expect(results == Self.undisturbed, "seed \(seed)")
        // A rare seed meets none.
        #expect(simulation.losses > 0 || seed != 1)
        #expect(simulation.engine.catalog.count == 0, "seed \(seed)")
        #expect(simulation.engine.tasks.isEmpty, "seed \(seed)")
    }

    @Test(arguments: 1...UInt64(8), [EngineFaults.none, .all, .store])
    func tasksGoWhereTheirInputsAre(_ seed: UInt64, _ faults: EngineFaults) {
        // Some of what the client wrote is larger, some smaller; what the runs make grows.
        let simulation = EngineSimulation(seed: seed, faults: faults, separateStores: true, carryLimit: 60)
        let requests = Self.requests(simulation.bytes)
        let results = simulation.results(of: requests)
        #expect(simulation.problems == [], "seed \(seed)")
        #expect(simulation.ranApart > 0, "seed \(seed)")
        #expect(simulation.states.count == requests.count && simulation.states.values.allSatisfy(\.isFinal))
        for (told, undisturbed) in zip(results, Self.undisturbed) {
            // What could be placed says what it says in one store; what could not says why.
            let differing = Set(told).subtracting(undisturbed)
            #expect(differing.allSatisfy { $0.contains("cannot be placed") || $0.contains("skipped") }, "seed \(seed)")
        }
        #expect(simulation.engine.catalog.count == 0, "seed \(seed)")
        #expect(simulation.engine.tasks.isEmpty, "seed \(seed)")
    }

    @Test func theUndisturbedRunsSucceed() {
        let simulation = EngineSimulation(seed: 1, faults: .none)
        let results = simulation.results(of: Self.requests(simulation.bytes))
        #expect(simulation.states.values.allSatisfy { $0 == .succeeded })
        #expect(results.allSatisfy { !$0.isEmpty })
    }
}
