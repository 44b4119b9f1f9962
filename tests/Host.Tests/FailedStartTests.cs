using System.Net;
using System.Net.Sockets;
using Npgsql;
using Testing;
using Xunit;

namespace Host.Tests;

/// <summary>Whatever keeps the host from starting, its user reads one sentence that names the setting, and nothing else.</summary>
public sealed class FailedStartTests : IAsyncLifetime
{
    private const string Postgres = "ConnectionStrings__Postgres";

    private readonly HostProcess host = new();
    private TestDatabase database = null!;
    private NpgsqlConnectionStringBuilder postgres = null!;

    public async ValueTask InitializeAsync()
    {
        database = await TestPostgres.CreateDatabaseAsync();
        postgres = new NpgsqlConnectionStringBuilder(database.ConnectionString);
    }

    public async ValueTask DisposeAsync()
    {
        host.Dispose();
        await database.DisposeAsync();
    }

    [Fact]
    public async Task A_missing_connection_string() => await AssertRefusedAsync(2, Postgres, new() { [Postgres] = "" });

    [Fact]
    public async Task A_connection_string_that_is_none() =>
        await AssertRefusedAsync(2, Postgres, new() { [Postgres] = "postgres" });

    [Fact]
    public async Task No_Postgres_at_the_address()
    {
        using var reserved = Reserve(out var port);
        postgres.Port = port;
        await AssertRefusedAsync(3, $"127.0.0.1:{postgres.Port}", new() { [Postgres] = postgres.ConnectionString });
    }

    [Fact]
    public async Task A_wrong_password_which_is_not_shown()
    {
        postgres.Password = "not-the-password";
        var error = await AssertRefusedAsync(3, Postgres, new() { [Postgres] = postgres.ConnectionString });
        Assert.DoesNotContain("not-the-password", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_database_that_does_not_exist()
    {
        postgres.Database = "nowhere";
        await AssertRefusedAsync(3, "nowhere", new() { [Postgres] = postgres.ConnectionString });
    }

    [Fact]
    public async Task A_port_in_use()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var url = $"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}";
        var error = await AssertRefusedAsync(3, "ASPNETCORE_URLS", new() { ["ASPNETCORE_URLS"] = url });
        Assert.Contains(url, error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_S3_that_does_not_answer()
    {
        using var reserved = Reserve(out var port);
        await AssertRefusedAsync(3, "Storage__S3", new()
        {
            ["Storage__Provider"] = "S3",
            ["Storage__S3__Endpoint"] = $"http://127.0.0.1:{port}",
            ["Storage__S3__Region"] = "auto",
            ["Storage__S3__Bucket"] = "photos",
            ["Storage__S3__AccessKey"] = "key",
            ["Storage__S3__SecretKey"] = "secret",
        });
    }

    [Theory]
    [InlineData("Storage__Folder")]
    [InlineData("Mail__Folder")]
    public async Task A_folder_that_cannot_be_written(string key) => await AssertRefusedAsync(3, key, new() { [key] = "/proc/here" });

    [Theory]
    [InlineData("ASPNETCORE_URLS", "nonsense")]
    [InlineData("Roles", "web,king")]
    [InlineData("Roles", "")]
    [InlineData("Jobs__Concurrency", "many")]
    [InlineData("Storage__Provider", "Tape")]
    [InlineData("Mail__Provider", "Pigeon")]
    [InlineData("Mail__From", "nobody")]
    [InlineData("Cors__Origins", "example.com")]
    [InlineData("Uploads__WebhookUrl", "https://example.com/there-is-no-secret-to-sign-with")]
    [InlineData("Uploads__MaxSizeBytes", "0")]
    public async Task A_setting_without_meaning(string key, string value) => await AssertRefusedAsync(2, key, new() { [key] = value });

    [Fact]
    public async Task No_Unicode() => await AssertRefusedAsync(2, "ICU", new() { ["DOTNET_SYSTEM_GLOBALIZATION_INVARIANT"] = "1" });

    [Fact]
    public async Task An_unknown_verb() => await AssertRefusedAsync(2, "dance", [], "dance");

    [Fact]
    public async Task A_stream_asked_for_before_there_are_tables() =>
        await AssertRefusedAsync(3, "no tables yet", [], "streams", "show", "upload-7");

    [Fact]
    public async Task Help_needs_no_settings()
    {
        var (exitCode, output, error) = await host.RunAsync([], "--help");
        Assert.Equal(0, exitCode);
        Assert.Contains("streams show ID", output, StringComparison.Ordinal);
        Assert.Empty(error);
    }

    private async Task<string> AssertRefusedAsync(
        int exitCode, string named, Dictionary<string, string> settings, params string[] arguments)
    {
        settings.TryAdd(Postgres, database.ConnectionString);
        settings.TryAdd("ASPNETCORE_URLS", "http://127.0.0.1:0");
        settings.TryAdd("Storage__Folder", Path.Combine(host.Folder, "storage"));
        settings.TryAdd("Mail__Folder", Path.Combine(host.Folder, "mail"));
        var (actual, output, error) = await host.RunAsync(settings, arguments);

        Assert.Contains(named, error, StringComparison.Ordinal);
        Assert.Matches(@"^[^\n]+\.\n$", error);
        Assert.Equal(exitCode, actual);
        Assert.DoesNotContain("Exception", output, StringComparison.Ordinal);
        return error;
    }

    // Bound, but nobody listens: who connects is refused, and nobody else gets the port until the socket is disposed.
    private static Socket Reserve(out int port)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        port = ((IPEndPoint)socket.LocalEndPoint!).Port;
        return socket;
    }
}
