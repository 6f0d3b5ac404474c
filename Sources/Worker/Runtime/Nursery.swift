import AnabranchCore
import CProcess
import Foundation
import Logging
import Wire

/// Brings runtimes into the world: by a fork server as long as it can be trusted, else as fresh interpreters.
///
/// The fork server is started with the first runtime. Modules that tasks need are imported into it while it is idle, or before
/// the first fork when they are known by then; a module that starts threads or ends the server is never imported
/// there again. Owned by the worker's loop thread.
final class Nursery {
    /// A fork server that has ended so often without having made a runtime is not started again.
    static let mostFailures = 2
    /// What a fork server that has closed its socket gets to exit.
    static let exitMilliseconds: Int32 = 100
    /// What any estimator needs; the fork server knows which modules these are.
    static let estimators = "estimators"

    private let fresh: RuntimeLaunch
    private let forking: RuntimeLaunch
    private let forks: Bool
    private let path: [String]
    private let log: Logger
    let leftovers = Leftovers()
    private(set) var server: ForkServer?
    /// Asked for and not answered, by the name of the request.
    private var waiting: [String: RuntimeProcess] = [:]
    private var requests = 0
    private var failures = 0
    /// Modules to import, under way, and there.
    private var wanted: [String] = []
    private var importing: [String] = []
    private var imported: [String] = []
    private var banned: Set<String> = []

    /// - Parameter engineArguments: what makes runtimes drivers of another engine; those are never forked, a driver has threads.
    init(
        interpreter: String, environment: [String: String], threads: Int, path: [String],
        engineArguments: [String] = [], log: Logger
    ) {
        var marked = environment
        // By it the fork server finds what is left when this process is killed.
        marked["ANABRANCH_WORKER"] = String(UInt64.random(in: 0 ... .max), radix: 16)
        func launch(threads: Int) -> RuntimeLaunch {
            RuntimeLaunch(interpreter: interpreter, environment: RuntimeEnvironment.of(marked, threadsPerPool: threads))
        }
        var fresh = launch(threads: threads)
        fresh.furtherArguments = engineArguments
        self.fresh = fresh
        forks = engineArguments.isEmpty
        // With one thread a pool starts none; a runtime sets its own number.
        forking = launch(threads: 1)
        self.path = path
        self.log = log
    }

    // MARK: - Runtimes

    /// Starts the runtime's process, sooner or later; it may already have been sent what it is to do.
    ///
    /// - Parameter isFirst: no other runtime lives, so imports may come first.
    /// - Throws: when no process can be started at all.
    func start(_ process: RuntimeProcess, isFirst: Bool) throws(WireError) {
        guard forks, let server = try trustedServer() else { return try process.spawn(fresh) }
        if isFirst { importWanted() }
        requests += 1
        let request = String(requests)
        if server.ask(ForkRequest(fork: request), descriptors: process.childDescriptors) {
            waiting[request] = process
        } else {
            try process.spawn(fresh)
        }
    }

    /// The runtime is given up before it had a process. The server that keeps it waiting is replaced.
    func abandon(_ process: RuntimeProcess) -> [Failed] {
        guard let request = waiting.first(where: { $0.value === process })?.key else { return [] }
        waiting[request] = nil
        return replaceServer(because: "a runtime was not forked in time", culprit: importing.first)
    }

    /// What cannot be started after all.
    typealias Failed = (process: RuntimeProcess, reason: String)

    /// Reads the fork server's answers.
    func serve() -> [Failed] {
        guard let server else { return [] }
        var answers: [ForkAnswer] = []
        let isOpen = server.receive(into: &answers)
        var failed: [Failed] = []
        for answer in answers where self.server === server { failed += take(answer) }
        if !isOpen, self.server === server {
            let exit = server.end(afterMilliseconds: Self.exitMilliseconds)
            server.drainOutput()
            let how = exit.map { "it has ended with \($0.cause)" } ?? "it has closed its socket or written no answer"
            failed += replaceServer(
                because: server.tail.text.isEmpty ? how : "\(how): \(server.tail.text)", culprit: importing.first)
        }
        return failed
    }

    private func take(_ answer: ForkAnswer) -> [Failed] {
        // Modules that were imported there run in it: what it says is not to be signalled unseen.
        if let process = answer.pid ?? answer.retired, anabranch_is_child(process) == 0 {
            return replaceServer(because: "it named process \(process), which is none of its children", culprit: nil)
        }
        if let name = answer.forked, let process = answer.pid {
            failures = 0
            if let runtime = waiting.removeValue(forKey: name) {
                OwnedProcesses.shared.withLock { _ = $0.insert(process) }
                runtime.hasStarted(process)
            } else {
                leftovers.end(process)
            }
        } else if let name = answer.imported {
            importing.removeAll { $0 == name }
            if let threads = answer.threads, !threads.isEmpty {
                let reason = "importing \(name) started threads (\(threads.joined(separator: ", ")))"
                return replaceServer(because: reason, culprit: name)
            }
            if let problem = answer.problem, !problem.isEmpty {
                log.debug("not imported in advance", metadata: ["module": "\(name)", "reason": "\(problem)"])
            }
            imported.append(name)
        } else if let name = answer.refused {
            let reason = answer.problem ?? "no reason given"
            log.warning(
                "the fork server made no runtime; a fresh interpreter starts", metadata: ["reason": "\(reason)"])
            let failed = waiting.removeValue(forKey: name).map { startFresh([$0]) } ?? []
            guard let threads = answer.threads, !threads.isEmpty else { return failed }
            banned.formUnion(imported)
            return failed + replaceServer(because: "it has threads (\(threads.joined(separator: ", ")))", culprit: nil)
        } else if let process = answer.retired {
            leftovers.end(process)
        }
        return []
    }

    /// Ends the server; who waits for it starts as a fresh interpreter, and the next one tries a new server.
    ///
    /// - Parameter culprit: the module that it was lost to, where that is known.
    private func replaceServer(because reason: String, culprit: String?) -> [Failed] {
        // One that a module has spoilt says nothing against the next, which does without it.
        if let culprit { banned.insert(culprit) } else { failures += 1 }
        log.warning(
            "the fork server is replaced",
            metadata: ["reason": "\(reason)", "replacement": "\(isTrusted ? "another" : "fresh interpreters")"])
        endServer()
        wanted = (imported + importing + wanted).filter { !banned.contains($0) }
        imported = []
        importing = []
        let orphans = Array(waiting.values)
        waiting = [:]
        return startFresh(orphans)
    }

    private func startFresh(_ processes: [RuntimeProcess]) -> [Failed] {
        processes.compactMap { process in
            do throws(WireError) {
                // A child that was being made may have the old ones.
                try process.renewPipes()
                try process.spawn(fresh)
                return nil
            } catch {
                return (process, "\(error)")
            }
        }
    }

    private var isTrusted: Bool { failures < Self.mostFailures }

    private func trustedServer() throws(WireError) -> ForkServer? {
        guard isTrusted else { return nil }
        if let server { return server }
        let server = try ForkServer(forking)
        if !path.isEmpty { _ = server.ask(ForkRequest(path: path)) }
        self.server = server
        return server
    }

    // MARK: - Imports

    /// Later runtimes should have these modules.
    func want(_ modules: [String]) {
        for module in modules
        where !banned.contains(module) && !(wanted + importing + imported).contains(module) { wanted.append(module) }
    }

    /// To be called while a slot is idle: forks wait behind it.
    func importWanted() {
        guard !wanted.isEmpty, let server else { return }
        while let module = wanted.first, server.ask(ForkRequest(import: module)) {
            importing.append(module)
            wanted.removeFirst()
        }
    }

    // MARK: - Ending

    func drainOutput() { server?.drainOutput() }

    /// Ends the server, and what tasks have left behind. Runtimes must have been ended before.
    func end() {
        waiting = [:]
        endServer()
        leftovers.finish(milliseconds: 1_000)
    }

    private func endServer() {
        guard let group = server?.processID else { return }
        server = nil
        leftovers.endGroup(group)
    }
}
