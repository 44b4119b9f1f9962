using System.Net.Http.Json;
using Npgsql;
using Testing;
using Xunit;

namespace Host.Tests;

/// <summary>A real host and a collector that speaks OTLP over HTTP. Strings are legible inside its protobuf.</summary>
public sealed class TelemetryTests : IAsyncLifetime
{
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(1);

    private HostFolder folder = null!;
    private WebhookReceiver collector = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        folder = await HostFolder.CreateAsync();
        collector = await WebhookReceiver.StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await collector.DisposeAsync();
        await folder.DisposeAsync();
    }

    [Fact]
    public async Task A_collector_gets_traces_and_metrics_and_no_secret()
    {
        var sources = Directory.CreateDirectory(folder.PathOf("storage", "sources")).FullName;
        await File.WriteAllTextAsync(Path.Combine(sources, "one.txt"), "one", Cancellation);
        await using var host = await RunningHost.StartAsync(new(folder.Settings)
        {
            ["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.Url.ToString(),
            ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf",
            ["OTEL_RESOURCE_ATTRIBUTES"] = "deployment.environment=rehearsal",
            ["OTEL_BSP_SCHEDULE_DELAY"] = "100",
            ["OTEL_METRIC_EXPORT_INTERVAL"] = "100",
        });
        using var requested = await host.Client.PostAsJsonAsync("/v1/albums", new { weddingId = "ann-bob", prefix = "sources/" }, Cancellation);
        await host.Client.GetStringAsync($"{requested.Headers.Location}/progress", Cancellation); // ends with the album

        using var page = await host.Client.GetAsync("/w/a-couples-token?and=a-query", Cancellation);

        foreach (var name in (string[])["POST /v1/albums", "GET /w/{Token}", "job zip_album", "weddings", "rehearsal"])
        {
            await WaitForAsync("/v1/traces", name);
        }

        foreach (var name in (string[])["storage.bytes", "http.server.request.duration", "dotnet.gc.collections", "weddings"])
        {
            await WaitForAsync("/v1/metrics", name);
        }

        var password = new NpgsqlConnectionStringBuilder(folder.ConnectionString).Password!;
        Assert.All((string[])[password, "a-couples-token", "a-query"], secret =>
            Assert.DoesNotContain(collector.Messages, message => message.Body.Contains(secret, StringComparison.Ordinal)));
    }

    private async Task WaitForAsync(string path, string text)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        limit.CancelAfter(Longest);
        while (!collector.Messages.Any(message => message.Path == path && message.Body.Contains(text, StringComparison.Ordinal)))
        {
            Assert.False(limit.IsCancellationRequested, $"The collector was not told of {text} at {path}.");
            await Task.Delay(20, Cancellation);
        }
    }
}
