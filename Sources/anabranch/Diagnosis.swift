import Foundation

/// One thing that `doctor` looked at.
struct Finding: Encodable {
    enum Verdict: String, Encodable {
        case good, doubtful, fails

        var mark: String {
            switch self {
            case .good: "ok  "
            case .doubtful: "note"
            case .fails: "FAIL"
            }
        }
    }

    let subject: String
    let verdict: Verdict
    let observed: String
    var remedy: String?
}

/// What this machine has, and what of it would fail.
struct Diagnosis {
    let python: String?
    let storeRoot: String

    func findings() -> [Finding] {
        [version, cores, store, descriptors] + interpreter
    }

    private var version: Finding {
        Finding(
            subject: "anabranch", verdict: .good,
            observed: "\(AnabranchCommand.version)")
    }

    private var cores: Finding {
        let online = ProcessInfo.processInfo.activeProcessorCount
        let quota = (try? String(contentsOfFile: "/sys/fs/cgroup/cpu.max", encoding: .utf8)) ?? ""
        let fields = quota.split(whereSeparator: \.isWhitespace)
        if fields.count == 2, let limit = Double(fields[0]), let period = Double(fields[1]), period > 0 {
            return Finding(
                subject: "cores", verdict: .good,
                observed: "\(online) online, the cgroup allows \((limit / period * 100).rounded() / 100)")
        }
        return Finding(subject: "cores", verdict: .good, observed: "\(online) online, no cgroup quota")
    }

    private var store: Finding {
        var facts = statvfs()
        guard statvfs(storeRoot, &facts) == 0 else {
            return Finding(
                subject: "store", verdict: .fails, observed: "\(storeRoot): \(String(cString: strerror(errno)))",
                remedy: "name a directory on tmpfs with --store-root")
        }
        let size = UInt64(facts.f_blocks) * UInt64(facts.f_frsize)
        let free = UInt64(facts.f_bavail) * UInt64(facts.f_frsize)
        let observed = "\(storeRoot) has \(size / 1_048_576) MiB, \(free / 1_048_576) MiB free"
        if access(storeRoot, W_OK) != 0 {
            return Finding(
                subject: "store", verdict: .fails, observed: "\(observed); not writable",
                remedy: "run as a user who may write there, or name another directory with --store-root")
        }
        if size <= 64 * 1_048_576 {
            return Finding(
                subject: "store", verdict: .fails, observed: "\(observed): a container's default",
                remedy: "give the container more: docker run --shm-size=2g, or shm_size in compose")
        }
        if free < 256 * 1_048_576 {
            return Finding(
                subject: "store", verdict: .doubtful, observed: observed,
                remedy: "free some of it, or expect 'store full' errors with larger data")
        }
        if !isInMemory {
            return Finding(
                subject: "store", verdict: .doubtful, observed: "\(observed); it is on a disk, not in memory",
                remedy: "name a directory on tmpfs, such as /dev/shm, with --store-root")
        }
        return Finding(subject: "store", verdict: .good, observed: observed)
    }

    /// Whether the store would be in memory: the innermost mount that holds its root is a tmpfs or a ramfs.
    private var isInMemory: Bool {
        let root = URL(fileURLWithPath: storeRoot).resolvingSymlinksInPath().path
        let mounts = (try? String(contentsOfFile: "/proc/self/mounts", encoding: .utf8)) ?? ""
        var (longest, type) = (0, Substring())
        for mount in mounts.split(separator: "\n") {
            let fields = mount.split(separator: " ")
            guard fields.count > 2 else { continue }
            let place = String(fields[1])
            guard place == "/" || root == place || root.hasPrefix(place + "/") else { continue }
            // Of those at one place the last is the one that is seen.
            if place.count >= longest { (longest, type) = (place.count, fields[2]) }
        }
        return type == "tmpfs" || type == "ramfs"
    }

    private var descriptors: Finding {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        let observed = "\(limit.rlim_cur) open files allowed"
        return limit.rlim_cur >= 1024
            ? Finding(subject: "limits", verdict: .good, observed: observed)
            : Finding(subject: "limits", verdict: .doubtful, observed: observed, remedy: "ulimit -n 4096")
    }

    private var interpreter: [Finding] {
        let path: String
        do {
            path = try Interpreter.resolve(python)
        } catch let failure as CommandFailure {
            return [
                Finding(
                    subject: "python", verdict: .fails, observed: failure.message,
                    remedy: "name an interpreter that has the Python package with --python")
            ]
        } catch {
            return [Finding(subject: "python", verdict: .fails, observed: "\(error)")]
        }
        guard let answer = ask(path) else {
            return [
                Finding(
                    subject: "python", verdict: .fails, observed: "\(path) does not run",
                    remedy: "name another interpreter with --python")
            ]
        }
        var findings = [Finding(subject: "python", verdict: .good, observed: "\(path), \(answer["python"] ?? "?")")]
        for package in ["anabranch", "numpy", "cloudpickle", "protobuf", "pyzmq", "scikit-learn", "pandas", "pyarrow"] {
            let needed = ["anabranch", "numpy", "cloudpickle", "protobuf", "pyzmq"].contains(package)
            if let found = answer[package] {
                findings.append(Finding(subject: package, verdict: .good, observed: found))
            } else {
                findings.append(
                    Finding(
                        subject: package, verdict: needed ? .fails : .doubtful, observed: "not installed in \(path)",
                        remedy: "\(path) -m pip install \(package)"))
            }
        }
        if let own = answer["anabranch"], own != AnabranchCommand.version {
            findings.append(
                Finding(
                    subject: "versions", verdict: .fails,
                    observed: "this program is \(AnabranchCommand.version), the Python package is \(own)",
                    remedy: "install the same version of both"))
        }
        if ProcessInfo.processInfo.environment["PYTHONDONTWRITEBYTECODE"] != nil {
            findings.append(
                Finding(
                    subject: "bytecode", verdict: .doubtful, observed: "PYTHONDONTWRITEBYTECODE is set",
                    remedy: "unset it: without .pyc files each import of scikit-learn takes seconds"))
        }
        return findings
    }

    /// Package versions of an interpreter, or nil when it does not run.
    private func ask(_ interpreter: String) -> [String: String]? {
        let script = """
            import importlib.metadata as m, json, platform
            found = {"python": platform.python_version()}
            for name in ("anabranch", "numpy", "cloudpickle", "protobuf", "pyzmq", "scikit-learn", "pandas", "pyarrow"):
                try: found[name] = m.version(name)
                except m.PackageNotFoundError: pass
            print(json.dumps(found))
            """
        let process = Process()
        process.executableURL = URL(fileURLWithPath: interpreter)
        process.arguments = ["-c", script]
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return nil }
        let text = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return try? JSONDecoder().decode([String: String].self, from: text)
    }
}
