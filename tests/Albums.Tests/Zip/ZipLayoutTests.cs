using System.Diagnostics;
using System.Globalization;
using System.IO.Compression;
using System.Text;
using Albums.Zip;
using Platform.Storage;
using Xunit;

namespace Albums.Tests.Zip;

public sealed class ZipLayoutTests
{
    private static readonly DateTimeOffset At = new(2026, 6, 20, 14, 30, 59, TimeSpan.Zero);

    /// <summary>
    /// Layout version 1. A redeploy between a crash and its resume must not mix two layouts: where this test fails, raise
    /// <see cref="ZipPlan.CurrentLayoutVersion"/> and keep the old rules for plans that were frozen with them.
    /// </summary>
    [Fact]
    public void The_bytes_of_layout_version_1_never_change()
    {
        var zip = Render(Plan(("a.txt", "hello"), ("Ä/empty.jpg", ""), ("_MISSING.txt", "x: y\r\n")), Text);
        Assert.Equal(1, ZipPlan.CurrentLayoutVersion);
        Assert.Equal(string.Concat(GoldenV1), Convert.ToHexStringLower(zip));
    }

    [Fact]
    public void Any_range_is_a_cut_of_the_whole()
    {
        var plan = Plan(("a.txt", "hello"), ("Ä/empty.jpg", ""), ("b", new string('b', 300)));
        var whole = Render(plan, Text);
        for (var from = 0; from < whole.Length; from++)
        {
            for (var to = from + 1; to <= whole.Length; to += 7)
            {
                Assert.Equal(whole[from..to], Render(plan, Text, from, to - from));
            }
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(65_534)]
    [InlineData(65_535)]
    [InlineData(65_536)]
    public async Task Readers_accept_albums_around_the_limits_of_the_classic_format(int entries)
    {
        var plan = Plan([.. Enumerable.Range(0, entries).Select(i => ($"{i:D5}.txt", i % 3 == 0 ? "" : $"{i}"))]);
        using var folder = new Folder();
        await File.WriteAllBytesAsync(folder.Zip, Render(plan, Text), TestContext.Current.CancellationToken);

        await using var archive = await ZipFile.OpenReadAsync(folder.Zip, TestContext.Current.CancellationToken);
        Assert.Equal(entries, archive.Entries.Count);
        Assert.Equal(0, await RunAsync("unzip", "-tqq", folder.Zip));
        Assert.Equal(0, await RunAsync("python3", "-c", "import sys,zipfile; sys.exit(zipfile.ZipFile(sys.argv[1]).testzip() is not None)", folder.Zip));
    }

    /// <summary>A DOS date of 0 is none, and its years run from 1980 to 2107; the other time runs to 2038 and is in UTC.</summary>
    [Theory]
    [InlineData("1601-01-01T00:00:00Z", "1980-01-01T00:00:00", int.MinValue)]
    [InlineData("1970-01-01T00:00:00Z", "1980-01-01T00:00:00", 0)]
    [InlineData("1979-12-31T23:59:59Z", "1980-01-01T00:00:00", 315_532_799)]
    [InlineData("2026-06-20T16:30:59+02:00", "2026-06-20T14:30:58", 1_781_965_859)]
    [InlineData("2107-12-31T23:59:59Z", "2107-12-31T23:59:58", int.MaxValue)]
    [InlineData("2200-01-01T00:00:00Z", "2107-12-31T23:59:58", int.MaxValue)]
    public void A_time_that_cannot_be_written_is_the_nearest_that_can(string at, string inDos, int inUnixSeconds)
    {
        var time = DateTimeOffset.Parse(at, CultureInfo.InvariantCulture);
        var zip = Render(new ZipPlan(1, 1 << 20, [Entry("x", 0) with { ModifiedAt = time, Text = "", Crc32 = 0 }]), Text);
        var (clock, date) = (BitConverter.ToUInt16(zip, 10), BitConverter.ToUInt16(zip, 12));
        var dos = new DateTime(1980 + (date >> 9), (date >> 5) & 15, date & 31, clock >> 11, (clock >> 5) & 63, 2 * (clock & 31), DateTimeKind.Utc);
        Assert.Equal(DateTime.Parse(inDos, CultureInfo.InvariantCulture), dos);
        Assert.Equal(inUnixSeconds, BitConverter.ToInt32(zip, 30 + "x".Length + 5));
    }

    [Fact]
    public async Task Unpacked_files_have_their_names_modes_and_times()
    {
        var plan = Plan(("Ä/日本.txt", "x"), ("plain.txt", "y"));
        using var folder = new Folder();
        await File.WriteAllBytesAsync(folder.Zip, Render(plan, Text), TestContext.Current.CancellationToken);
        Assert.Equal(0, await RunAsync("unzip", "-qq", folder.Zip, "-d", folder.Path));

        foreach (var entry in plan.Entries)
        {
            var file = new FileInfo(Path.Combine(folder.Path, entry.Name));
            Assert.True(file.Exists, entry.Name);
            Assert.Equal(At.UtcDateTime, file.LastWriteTimeUtc);
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead, file.UnixFileMode);
        }
    }

    /// <summary>Beyond 4 GiB nothing is rendered: sizes and offsets alone decide where Zip64 appears.</summary>
    [Fact]
    public void Zip64_appears_only_where_a_value_does_not_fit()
    {
        const long fourGiB = 0xFFFFFFFF;
        var big = new ZipLayout(new ZipPlan(1, 1 << 30, [Entry("big", fourGiB), Entry("behind", 1)]));
        Assert.Equal(30 + 3 + 20 + 9, big.EndOf(0) - fourGiB);
        Assert.Equal(30 + 6 + 9 + 1, big.EndOf(1) - big.EndOf(0)); // small itself: Zip64 only in the central header, for its offset
        Assert.Equal(
            big.EndOf(1) + 46 + 3 + 20 + 9 + 46 + 6 + 12 + 9 + 56 + 20 + 22,
            big.SizeBytes);

        var almost = new ZipLayout(new ZipPlan(1, 1 << 30, [Entry("big", fourGiB - 1)]));
        Assert.Equal(30 + 3 + 9, almost.EndOf(0) - (fourGiB - 1));
    }

    [Fact]
    public void Parts_grow_with_the_album_so_that_ten_thousand_suffice()
    {
        Assert.Equal(8 << 20, ZipPlan.Freeze([Entry("a", 1)], null).PartSizeBytes);
        var huge = ZipPlan.Freeze([Entry("a", 1L << 40)], null);
        Assert.Equal(0, huge.PartSizeBytes % (1 << 20));
        Assert.InRange(new ZipLayout(huge).PartCount, 9_800, 9_991);
    }

    [Fact]
    public void Large_files_come_last_and_the_list_of_missing_ones_at_the_very_end()
    {
        var plan = ZipPlan.Freeze(
            [Entry("video", 9 << 20), Entry("b", 1), Entry("a", 1)], PlannedEntry.Missing([new SkippedFile(3, "gone.jpg", "it is not in the store")], At));
        Assert.Equal(["b", "a", "video", "_MISSING.txt"], plan.Entries.Select(entry => entry.Name));
        Assert.Contains("gone.jpg: it is not in the store", plan.Entries[^1].Text, StringComparison.Ordinal);
    }

    private static PlannedEntry Entry(string name, long sizeBytes) => new(0, name, name, "etag", sizeBytes, At, null);

    private static ZipPlan Plan(params (string Name, string Content)[] files) =>
        new(1, 8 << 20, [.. files.Select((file, i) => Entry(file.Name, file.Content.Length) with { Text = file.Content, Index = i })]);

    private static byte[] Text(PlannedEntry entry) => Encoding.UTF8.GetBytes(entry.Text!);

    private static byte[] Render(ZipPlan plan, Func<PlannedEntry, byte[]> contentOf, long from = 0, long? size = null)
    {
        var layout = new ZipLayout(plan);
        var zip = new byte[size ?? layout.SizeBytes];
        foreach (var piece in layout.Pieces(from, zip.Length))
        {
            var target = zip.AsSpan((int)(piece.ZipOffsetBytes - from), (int)piece.SizeBytes);
            var content = piece.Kind is PieceKind.End ? [] : contentOf(plan.Entries[piece.Entry]);
            if (piece.Kind is PieceKind.Content)
            {
                content.AsSpan((int)piece.OffsetBytes, (int)piece.SizeBytes).CopyTo(target);
            }
            else
            {
                layout.WriteRecord(piece, Crc32.Append(0, content), target);
            }
        }

        return zip;
    }

    private static async Task<int> RunAsync(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true })!;
        await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return process.ExitCode;
    }

    private sealed class Folder : IDisposable
    {
        internal string Path { get; } = Directory.CreateTempSubdirectory("zip-").FullName;

        internal string Zip => System.IO.Path.Combine(Path, "album.zip");

        public void Dispose() => Directory.Delete(Path, recursive: true);
    }

    private static readonly string[] GoldenV1 =
    [
        "504b0304140000000000dd73d45c86a61036050000000500000005000900612e747874555405000123a4366a68656c6c6f",
        "504b0304140000080000dd73d45c0000000000000000000000000c000900c3842f656d7074792e6a7067555405000123a4366a",
        "504b0304140000000000dd73d45c9ae54b1306000000060000000c0009005f4d495353494e472e747874555405000123a4366a783a20790d0a",
        "504b01021403140000000000dd73d45c86a610360500000005000000050009000000000000000000a48100000000612e747874555405000123a4366a",
        "504b01021403140000080000dd73d45c0000000000000000000000000c0009000000000000000000a48131000000c3842f656d7074792e6a7067555405000123a4366a",
        "504b01021403140000000000dd73d45c9ae54b1306000000060000000c0009000000000000000000a481640000005f4d495353494e472e747874555405000123a4366a",
        "504b05060000000003000300c20000009d0000000000",
    ];
}
