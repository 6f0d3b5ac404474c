import CProcess
import Foundation

/// Cores that this process may use: those that it is pinned to, and no more than its control groups' quotas give.
///
/// The same rule stands in `python/anabranch/cores.py`.
public enum CoreCount {
    public static var available: Int {
        let affinity = Int(anabranch_affinity_cores())
        let pinned = affinity > 0 ? affinity : ProcessInfo.processInfo.activeProcessorCount
        return max(1, min(pinned, quota(in: "/") ?? pinned))
    }

    /// The least quota of the process's own group and of those above it, in whole cores that it gives all the time: rounded
    /// down, and one at least. Nil when there is none.
    ///
    /// - Parameter root: Where `proc` and `sys` are.
    static func quota(in root: String) -> Int? {
        let groups = text("\(root)/proc/self/cgroup") ?? ""
        let quotas = groups.split(separator: "\n").flatMap { line -> [Double] in
            // hierarchy:controllers:path; hierarchy 0 is that of version 2, and has no controllers.
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3 else { return [] }
            if fields[0] == "0" {
                return paths(of: fields[2]).compactMap { unified("\(root)/sys/fs/cgroup\($0)/cpu.max") }
            }
            guard fields[1].split(separator: ",").contains("cpu") else { return [] }
            return Set(["cpu", String(fields[1])]).flatMap { mount in
                paths(of: fields[2]).compactMap { legacy("\(root)/sys/fs/cgroup/\(mount)\($0)") }
            }
        }
        return quotas.min().map { max(1, Int($0)) }
    }

    /// A group and those above it. A container may see the host's path, of which nothing but the top stands in its tree.
    private static func paths(of group: Substring) -> [String] {
        let names = group.split(separator: "/")
        if names.contains("..") { return [""] }
        return (0...names.count).map { names.prefix($0).map { "/\($0)" }.joined() }
    }

    private static func unified(_ file: String) -> Double? {
        guard let fields = text(file)?.split(whereSeparator: \.isWhitespace), fields.count == 2 else { return nil }
        return cores(Double(fields[0]), Double(fields[1]))
    }

    private static func legacy(_ group: String) -> Double? {
        func number(_ file: String) -> Double? {
            text("\(group)/\(file)").flatMap { Double($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
        }
        return cores(number("cpu.cfs_quota_us"), number("cpu.cfs_period_us"))
    }

    private static func cores(_ quota: Double?, _ period: Double?) -> Double? {
        guard let quota, let period, quota.isFinite, quota > 0, period > 0 else { return nil }
        return min(quota / period, 1_000_000)
    }

    private static func text(_ file: String) -> String? { try? String(contentsOfFile: file, encoding: .utf8) }
}
