using Benchmarks;

// A process that a measurement has started.
if (args is ["pack" or "pack-uploaded" or "copy", var settings])
{
    return await ZipBenchTools.RunModeAsync(args[0], settings);
}

if (args is ["raw-upload", var server])
{
    return await BenchServer.RunRawAsync(server);
}

if (args is ["static-files", var files])
{
    return await BenchServer.RunStaticFilesAsync(files);
}

// Every measurement by its name: `./bench` runs all of them, `./bench events` one.
Dictionary<string, Func<string[], Task<int>>> all = new()
{
    ["events"] = EventsBench.RunAsync,
    ["zip"] = ZipBench.RunAsync,
    ["download"] = DownloadBench.RunAsync,
    ["memory"] = MemoryBench.RunAsync,
    ["upload"] = UploadBench.RunAsync,
    ["progress"] = ProgressBench.RunAsync,
    ["portal"] = PortalBench.RunAsync,
    ["images"] = ImagesBench.RunAsync,
    ["sync"] = SyncBench.RunAsync,
};

var names = args.Length == 0 ? [.. all.Keys] : args.TakeWhile(arg => !arg.StartsWith('-')).ToArray();
if (names.FirstOrDefault(name => !all.ContainsKey(name)) is { } unknown)
{
    Console.Error.WriteLine($"There is no measurement {unknown}; there are {string.Join(", ", all.Keys)}.");
    return 2;
}

foreach (var name in names)
{
    if (await all[name]([.. args.Skip(names.Length)]) is var code and not 0)
    {
        return code;
    }
}

return 0;
