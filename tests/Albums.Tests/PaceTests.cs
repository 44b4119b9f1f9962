using Xunit;

namespace Albums.Tests;

public sealed class PaceTests
{
    private const int PartBytes = 8 << 20;
    private static readonly DateTimeOffset Start = new(2026, 6, 20, 12, 0, 0, TimeSpan.Zero);
    private static readonly PlanFrozen Plan = new("plan", "hash", 1, PartBytes, 1, 1000L * PartBytes);
    private static readonly double Memory = Pace.MemoryBytesOf(Plan);

    [Fact]
    public void Nothing_is_known_before_the_first_part() => Assert.Null(SecondsLeft(Pace.From(Start), parts: 10, Start));

    [Fact]
    public void A_steady_pace_is_known_from_the_first_part_on()
    {
        var pace = Steady(Pace.From(Start), parts: 1, secondsPerPart: 2);
        Assert.Equal(20, SecondsLeft(pace, parts: 10, pace.At));
        Assert.Equal(PartBytes / 2.0, pace.BytesPerSecond);
        pace = Steady(pace, parts: 99, secondsPerPart: 2);
        Assert.Equal(20, SecondsLeft(pace, parts: 10, pace.At)!.Value, precision: 6);
    }

    [Fact]
    public void It_makes_no_difference_whether_parts_become_safe_one_by_one_or_several_at_a_time()
    {
        var together = Enumerable.Range(1, 25).Aggregate(Pace.From(Start), (pace, _) => Enumerable.Range(0, 4).Aggregate(
            Next(pace, seconds: 8), (same, i) => i == 0 ? same : Next(same, seconds: 0)));
        var oneByOne = Steady(Pace.From(Start), parts: 100, secondsPerPart: 2);
        Assert.Equal(SecondsLeft(oneByOne, 500, oneByOne.At)!.Value, SecondsLeft(together, 500, together.At)!.Value, tolerance: 50);
    }

    [Fact]
    public void A_change_of_pace_shows_within_a_tenth_of_the_album()
    {
        var slower = Steady(Steady(Pace.From(Start), parts: 300, secondsPerPart: 1), parts: 200, secondsPerPart: 3);
        Assert.InRange(SecondsLeft(slower, parts: 100, slower.At)!.Value, 260, 300);
    }

    [Fact]
    public void Between_two_parts_the_time_left_runs_down()
    {
        var pace = Steady(Pace.From(Start), parts: 10, secondsPerPart: 2);
        Assert.Equal(19, SecondsLeft(pace, parts: 10, pace.At.AddSeconds(1))!.Value, precision: 6);
        Assert.Equal(12, SecondsLeft(pace, parts: 10, pace.At.AddSeconds(30))!.Value, precision: 6); // and not below what is expected to come
    }

    [Fact]
    public void After_a_long_silence_nothing_is_known()
    {
        var pace = Steady(Pace.From(Start), parts: 10, secondsPerPart: 2);
        Assert.Null(SecondsLeft(pace, parts: 10, pace.At.AddSeconds(90)));
    }

    [Fact]
    public void A_pause_between_attempts_is_no_work()
    {
        var pace = Steady(Pace.From(Start), parts: 10, secondsPerPart: 2).Resumed(Start.AddHours(1));
        Assert.Equal(20, SecondsLeft(Steady(pace, parts: 10, secondsPerPart: 2), parts: 10, Start.AddHours(1).AddSeconds(20))!.Value, precision: 6);
    }

    [Fact]
    public void Small_files_first_and_videos_last_do_not_mislead_it()
    {
        // 40 files of 200 KiB take a third longer than one file of that size, as requests take their time, too.
        const double FileSeconds = 64.0 * 1024 / PartBytes;
        var pace = Pace.From(Start);
        for (var i = 0; i < 100; i++)
        {
            pace = pace.After(PartBytes, 40, pace.At.AddSeconds(1 + (40 * FileSeconds)), Memory);
        }

        Assert.Equal(900, pace.SecondsFor(900L * PartBytes, files: 3, PartBytes, pace.At)!.Value, tolerance: 1);
    }

    [Fact]
    public void Clocks_that_go_differently_do_no_harm()
    {
        var pace = Next(Steady(Pace.From(Start), parts: 10, secondsPerPart: 2), seconds: -100);
        Assert.InRange(SecondsLeft(pace, parts: 10, Start)!.Value, 17, 20);
    }

    private static Pace Steady(Pace pace, int parts, double secondsPerPart) =>
        Enumerable.Range(0, parts).Aggregate(pace, (current, _) => Next(current, secondsPerPart));

    private static Pace Next(Pace pace, double seconds) => pace.After(PartBytes, 0, pace.At.AddSeconds(seconds), Memory);

    private static double? SecondsLeft(Pace pace, int parts, DateTimeOffset now) => pace.SecondsFor((long)parts * PartBytes, files: 0, PartBytes, now);
}
