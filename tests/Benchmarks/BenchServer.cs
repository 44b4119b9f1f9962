using System.Diagnostics;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.FileProviders;
using Microsoft.Extensions.Logging;

namespace Benchmarks;

/// <summary>A server in a process of its own that takes files into a folder, or hands them out.</summary>
internal sealed class BenchServer : IAsyncDisposable
{
    // As much as the host writes at once: larger writes make the kernel look for large free pages, at several times the price.
    private const int WriteBytes = 128 * 1024;

    private readonly Process process;
    private readonly string folder;

    private BenchServer(Process process, string folder, Uri address)
    {
        this.process = process;
        this.folder = folder;
        Client = new HttpClient { BaseAddress = address, Timeout = Timeout.InfiniteTimeSpan };
    }

    public HttpClient Client { get; }

    public int ProcessId => process.Id;

    private static string Benchmarks => Path.Combine(EventsBench.Repository(), "tests", "Benchmarks");

    /// <param name="more">Settings beside those of a folder, or in their place.</param>
    public static Task<BenchServer> StartHostAsync(string folder, string database, string roles = "web,worker", IReadOnlyDictionary<string, string>? more = null) =>
        StartAsync(folder, "/health/ready", port =>
        {
            var start = new ProcessStartInfo("dotnet", [Path.Combine(EventsBench.Repository(), "src", "Host", "bin", "Release", "net10.0", "Host.dll")])
            {
                Environment =
                {
                    ["ConnectionStrings__Postgres"] = database,
                    ["ASPNETCORE_URLS"] = $"http://127.0.0.1:{port}",
                    ["Roles"] = roles,
                    ["Storage__Provider"] = "Folder",
                    ["Storage__Folder"] = folder,
                    ["Mail__Folder"] = folder,
                    ["Uploads__MaxSizeBytes"] = $"{12L << 30}",
                },
            };
            foreach (var (key, value) in more ?? new Dictionary<string, string>())
            {
                start.Environment[key.Replace(":", "__", StringComparison.Ordinal)] = value;
            }

            return start;
        });

    /// <param name="isDurable">Whether it answers once the file is on the disk, as the host does; else once it is in the page cache.</param>
    public static Task<BenchServer> StartRawAsync(string folder, bool isDurable) => StartAsync(folder, "/", port => new ProcessStartInfo(
        "dotnet", [typeof(BenchServer).Assembly.Location, "raw-upload", $"{port};{folder};{isDurable}"]));

    /// <summary>What Kestrel hands files out with.</summary>
    public static Task<BenchServer> StartStaticFilesAsync(string folder) => StartAsync(folder, "/", port => new ProcessStartInfo(
        "dotnet", [typeof(BenchServer).Assembly.Location, "static-files", $"{port};{folder}"]));

    public static Task<BenchServer> StartTusAsync(string folder) =>
        StartAsync(folder, "/files", port => new ProcessStartInfo("node", [Path.Combine(Benchmarks, "peers", "tus.mjs"), $"{port}", folder]));

    public static Task<BenchServer> StartNginxAsync(string folder) => StartAsync(folder, "/", port =>
    {
        var configuration = Path.Combine(folder, "nginx.conf");
        File.WriteAllText(configuration, $$"""
            daemon off; worker_processes 2; pid {{folder}}/nginx.pid; error_log {{folder}}/error.log;
            {{(Environment.UserName == "root" ? "user root;" : "")}}
            events {}
            http {
              access_log off; sendfile on; client_max_body_size 0; client_body_temp_path {{folder}}/temp; root {{folder}};
              server { listen 127.0.0.1:{{port}}; location / { dav_methods PUT; create_full_put_path on; } }
            }
            """);
        return new ProcessStartInfo("nginx", ["-c", configuration]);
    });

    /// <summary>The limit: a body from Kestrel's pipe to a file, several segments a write, and nothing else.</summary>
    public static async Task<int> RunRawAsync(string settings)
    {
        var (port, folder, isDurable) = settings.Split(';') is [var first, var second, var third]
            ? (first, second, bool.Parse(third))
            : throw new ArgumentException(settings, nameof(settings));
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls($"http://127.0.0.1:{port}");
        builder.Services.Configure<KestrelServerOptions>(kestrel => kestrel.Limits.MaxRequestBodySize = null);
        await using var app = builder.Build();
        app.MapPut("/{name}", async (string name, HttpRequest request) =>
        {
            using var file = File.OpenHandle(Path.Combine(folder, Path.GetFileName(name)), FileMode.Create, FileAccess.Write);
            var (segments, offset) = (new List<ReadOnlyMemory<byte>>(), 0L);
            while (true)
            {
                var read = await request.BodyReader.ReadAsync();
                var bytes = read.Buffer.Slice(0, Math.Min(read.Buffer.Length, WriteBytes));
                segments.Clear();
                foreach (var segment in bytes)
                {
                    segments.Add(segment);
                }

                RandomAccess.Write(file, segments, offset);
                offset += bytes.Length;
                request.BodyReader.AdvanceTo(bytes.End);
                if (read.IsCompleted && bytes.Length == read.Buffer.Length)
                {
                    if (isDurable)
                    {
                        RandomAccess.FlushToDisk(file);
                    }

                    return Results.Ok(offset);
                }
            }
        });
        await app.RunAsync();
        return 0;
    }

    /// <summary>Serves a folder's files and does nothing else.</summary>
    public static async Task<int> RunStaticFilesAsync(string settings)
    {
        var (port, folder) = settings.Split(';') is [var first, var second] ? (first, second) : throw new ArgumentException(settings, nameof(settings));
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls($"http://127.0.0.1:{port}");
        await using var app = builder.Build();
        app.UseStaticFiles(new StaticFileOptions { FileProvider = new PhysicalFileProvider(folder) });
        await app.RunAsync();
        return 0;
    }

    /// <summary>Deletes the files that came.</summary>
    public void Clear()
    {
        foreach (var file in new DirectoryInfo(folder).EnumerateFiles("*", SearchOption.AllDirectories).Where(file => file.Length > 1 << 20))
        {
            file.Delete();
        }
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        process.Kill(entireProcessTree: true);
        await process.WaitForExitAsync();
        process.Dispose();
    }

    private static async Task<BenchServer> StartAsync(string folder, string probe, Func<int, ProcessStartInfo> start)
    {
        Directory.CreateDirectory(folder);
        var port = FreePort();
        var settings = start(port);
        settings.RedirectStandardOutput = true;
        var process = Process.Start(settings)!;
        process.OutputDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        var server = new BenchServer(process, folder, new Uri($"http://127.0.0.1:{port}"));
        while (!await AnswersAsync(server.Client, probe, process))
        {
            await Task.Delay(50);
        }

        return server;
    }

    private static async Task<bool> AnswersAsync(HttpClient client, string path, Process process)
    {
        try
        {
            using var answer = await client.GetAsync(new Uri(path, UriKind.Relative));
            return (int)answer.StatusCode is not 503;
        }
        catch (HttpRequestException) when (!process.HasExited)
        {
            return false;
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(System.Net.IPAddress.Loopback, 0);
        listener.Start();
        return ((System.Net.IPEndPoint)listener.LocalEndpoint).Port;
    }
}
