import Foundation
import Testing

@testable import Worker

/// `python/tests/runtime/test_cores.py` has the same trees.
@Suite struct CoreCountTests {
    @Test(
        arguments: [
            // Version 2: the process's own group, and whatever stands above it.
            (["proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/cpu.max": "250000 100000\n"], 2),
            (
                [
                    "proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/cpu.max": "150000 100000\n",
                    "sys/fs/cgroup/a/b/cpu.max": "max 100000\n",
                ], 1
            ),
            (["proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "399999 100000\n"], 3),
            // Another group's does not count, and less than a core is one.
            (["proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/b/cpu.max": "100000 100000\n"], nil),
            (["proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/cpu.max": "30000 100000\n"], 1),
            (["proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/cpu.max": "max 100000\n"], nil),
            (["proc/self/cgroup": "0::/../x\n", "sys/fs/cgroup/cpu.max": "200000 100000\n"], 2),
            // Version 1, also where the path is the host's and the tree the container's.
            (
                [
                    "proc/self/cgroup": "5:memory:/m\n4:cpu,cpuacct:/docker/id\n",
                    "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "350000\n",
                    "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
                ], 3
            ),
            (
                [
                    "proc/self/cgroup": "4:cpu,cpuacct:/s\n",
                    "sys/fs/cgroup/cpu,cpuacct/s/cpu.cfs_quota_us": "120000\n",
                    "sys/fs/cgroup/cpu,cpuacct/s/cpu.cfs_period_us": "60000\n",
                    "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1\n",
                    "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
                ], 2
            ),
            (["proc/self/cgroup": "nonsense\n0::/a\n", "sys/fs/cgroup/a/cpu.max": "nonsense\n"], nil),
            ([:], nil),
        ] as [([String: String], Int?)])
    func theLeastQuotaOfTheGroupsCounts(files: [String: String], cores: Int?) throws {
        let root = FileManager.default.temporaryDirectory.appending(path: "cores-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: root) }
        for (path, text) in files {
            let file = root.appending(path: path)
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try text.write(to: file, atomically: true, encoding: .utf8)
        }
        #expect(CoreCount.quota(in: root.path) == cores)
    }
}
