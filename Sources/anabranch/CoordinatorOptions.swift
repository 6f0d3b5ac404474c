import AnabranchCore
import ArgumentParser
import Coordinator
import Logging
import Wire

/// What a coordinator is told, standing or embedded.
struct CoordinatorOptions: ParsableArguments {
    @Option(
        help: "Control endpoint: ipc://PATH or tcp://HOST:PORT; ipc in the store's directory when not given.")
    var bind: String?

    @Option(help: "Endpoint for results, tcp://HOST:PORT; a free port beside --bind when not given.")
    var inbox: String?

    @Option(help: "Endpoint for events, tcp://HOST:PORT; a free port beside --bind when not given.")
    var events: String?

    @Option(help: "Host by which others reach a tcp endpoint on every interface; this host's name when not given.")
    var advertise: String?

    @Option(help: "File with the coordinator's key, which tcp endpoints are secured with (`anabranch keygen`).")
    var key: String?

    @Option(help: "Directory of the public keys that are let in, *.pub; `allowed` beside --key when not given.")
    var allowed: String?

    @Option(help: "Directory on tmpfs in which the store's directory is made.")
    var storeRoot: String = "/dev/shm"

    @Option(help: "Bytes that the store may take (suffixes K, M, G); 80 % of what is free when not given.")
    var storeBudget: String?

    @Option(help: "Objects up to so many bytes travel in messages.")
    var inlineThreshold: UInt64 = 8_192

    @Option(
        help: """
            Bytes of the store's objects (suffixes K, M) that one task's message brings to a worker which does not see the \
            store (worker --own-store); a task that reads more runs where the store is seen.
            """)
    var carryLimit: String = "1M"

    @Option(help: "Seconds after which a silent worker's tasks are given to others.")
    var lease: Double = 4

    @Option(help: "Attempts at a task whose workers are lost, each while it runs; then it fails.")
    var maxAttempts: UInt32 = 10

    @Flag(help: "Bind beyond this host without keys: whoever reaches the port can run code.")
    var insecure = false

    /// A task's message has to go down a lane, with its own inline objects.
    private static let mostCarried: UInt64 = 16 << 20

    func validate() throws {
        if let storeBudget, ByteCount(parsing: storeBudget) == nil {
            throw ValidationError("--store-budget \(storeBudget): write bytes, or a number with K, M or G")
        }
        if (ByteCount(parsing: carryLimit)?.bytes ?? .max) > Self.mostCarried {
            throw ValidationError("--carry-limit \(carryLimit): write bytes, or a number with K or M, up to 16M")
        }
        if !(1...1e9).contains(lease) { throw ValidationError("--lease \(lease): 1 to 1e9 seconds are possible") }
        if maxAttempts < 1 { throw ValidationError("--max-attempts \(maxAttempts): at least 1 is needed") }
    }

    /// Keys are for tcp; ipc has the modes of files.
    private var isOnTCP: Bool { [bind, inbox, events].contains { $0?.hasPrefix("tcp:") == true } }

    func makeCoordinator(
        watchDescriptor: Int32?, log: Logger, change: (inout CoordinatorConfiguration) -> Void = { _ in }
    ) throws -> Coordinator {
        let keys: ServerKeys?
        do throws(KeyFileError) {
            keys =
                isOnTCP
                ? try key.map { path throws(KeyFileError) in try ServerKeys(ownPath: path, allowedPath: allowed) } : nil
        } catch {
            throw CommandFailure(.wrongRequest, "\(error)")
        }
        var settings = CoordinatorConfiguration(
            version: AnabranchCommand.version, storeRoot: storeRoot,
            storeBudget: storeBudget.flatMap { ByteCount(parsing: $0)?.bytes }, inlineThreshold: inlineThreshold,
            carryLimit: ByteCount(parsing: carryLimit)?.bytes ?? 0, control: bind, inbox: inbox, events: events,
            advertisedHost: advertise, allowInsecure: insecure, keys: keys,
            leaseMilliseconds: UInt64(lease * 1_000), maxAttempts: maxAttempts,
            watchDescriptor: watchDescriptor, logger: log)
        change(&settings)
        do {
            return try Coordinator(configuration: settings)
        } catch {
            throw CommandFailure(.wrongRequest, "\(error)")
        }
    }
}
