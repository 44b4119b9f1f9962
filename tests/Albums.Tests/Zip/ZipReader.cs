using System.Diagnostics;
using System.Runtime.CompilerServices;
using Xunit;

namespace Albums.Tests.Zip;

/// <summary>A program that guests may unpack an album with.</summary>
/// <param name="Test">Shell command that reads the whole ZIP <c>$1</c> and verifies CRCs where the program can.</param>
/// <param name="Unpack">Shell command that unpacks <c>$1</c> into the folder <c>$2</c>; <see langword="null"/> where the program only reads.</param>
internal sealed record ZipReader(string Name, string Test, string? Unpack)
{
    /// <summary>Knows ZIP64: more than 4 GiB, or 65,535 files and more.</summary>
    internal bool KnowsZip64 { get; init; } = true;

    /// <summary>Takes the dots away that a name begins with.</summary>
    internal bool HidesDots { get; init; }

    /// <summary>Those that <c>scripts/install-test-tools.sh</c> installs for every run.</summary>
    internal static readonly IReadOnlyList<ZipReader> Quick =
    [
        new("unzip", "unzip -tqq \"$1\"", "unzip -qq \"$1\" -d \"$2\""),
        new("7z", "7z t -bd -bso0 \"$1\"", "7z x -bd -bso0 -o\"$2\" \"$1\""),
        new("bsdtar", "bsdtar -xOf \"$1\" >/dev/null", "bsdtar -xf \"$1\" -C \"$2\""),
        new("bsdtar from a pipe", "cat \"$1\" | bsdtar -xOf - >/dev/null", "cat \"$1\" | bsdtar -xf - -C \"$2\""),
        Script("Python zipfile", "python3 zipread.py"),
        new("busybox", "busybox unzip -tq \"$1\"", "busybox unzip -q \"$1\" -d \"$2\"") { KnowsZip64 = false },
        new("unar", "lsar -t \"$1\" >/dev/null", "unar -q -D -o \"$2\" \"$1\"") { KnowsZip64 = false },
        new("minizip", "miniunzip -l \"$1\" >/dev/null", "miniunzip -x \"$1\" -d \"$2\" >/dev/null") { KnowsZip64 = false, HidesDots = true },
    ];

    /// <summary>Those that <c>scripts/install-test-tools.sh --long</c> adds.</summary>
    internal static readonly IReadOnlyList<ZipReader> Long =
    [
        Script("Java ZipFile", "java ZipRead.java file"),
        Script("Java ZipInputStream", "java ZipRead.java stream"),
        new("jar", "jar tf \"$1\" >/dev/null", "cd \"$2\" && jar xf \"$1\""),
        Script("Go archive/zip", "go run zipread.go"),
        Script("yauzl", "node zipread.js"),
        Script("PHP ZipArchive", "php zipread.php"),
        new("ziptool", "count=$(ziptool \"$1\" get_num_entries 0); seq -f 'cat %.0f' 0 $((${count%% *} - 1)) | xargs -n 2000 ziptool \"$1\" >/dev/null", null),
    ];

    internal static ZipReader Of(string name) => Quick.Concat(Long).Single(reader => reader.Name == name);

    internal Task TestAsync(string zip) => RunAsync(Test, zip, "");

    internal Task UnpackAsync(string zip, string folder) => RunAsync(Unpack!, zip, folder);

    private static ZipReader Script(string name, string command) => new(
        name, $"cd \"$0\" && {command} t \"$1\" \"$2\"", $"cd \"$0\" && {command} x \"$1\" \"$2\"");

    private async Task RunAsync(string command, string zip, string folder)
    {
        var here = Here();
        var start = new ProcessStartInfo("/bin/bash", ["-o", "pipefail", "-c", command, Path.Combine(here, "Readers"), zip, folder])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true, // who asks what to do gets no answer
            Environment = { ["LC_ALL"] = "C.UTF-8", ["NODE_PATH"] = Path.Combine(here, "../../../artifacts/tools/node_modules"), ["GO111MODULE"] = "off" },
        };
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        var cancellation = TestContext.Current.CancellationToken;
        var (output, error) = (process.StandardOutput.ReadToEndAsync(cancellation), process.StandardError.ReadToEndAsync(cancellation));
        await process.WaitForExitAsync(cancellation);
        Assert.True(process.ExitCode == 0, $"{Name} ends with {process.ExitCode}: {await error}{await output}");
    }

    private static string Here([CallerFilePath] string here = "") => Path.GetDirectoryName(here)!;
}
