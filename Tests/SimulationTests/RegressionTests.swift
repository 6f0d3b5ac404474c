import Testing

/// Schedules that once found a bug.
@Suite struct RegressionTests {
    /// - 17, 22, 45: an empty answer that crossed the end of a task left its run waiting for ever.
    /// - 69, 742, 908: an attempt that was found and lost again used up a task's attempts twice.
    @Test(arguments: [17, 22, 45, 69, 742, 908] as [UInt64])
    func aScheduleThatFoundABugPasses(seed: UInt64) throws {
        try Schedule(seed: seed).simulation.run()
    }
}
