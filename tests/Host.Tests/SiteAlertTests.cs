using System.Net.Http.Json;
using System.Text.Json;
using Npgsql;
using Testing;
using Xunit;

namespace Host.Tests;

/// <summary>From a build server's report to the mail of an admin.</summary>
public sealed class SiteAlertTests : IAsyncLifetime
{
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("alerts-");
    private TestDatabase database = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private string Mails => Path.Combine(folder.FullName, "mail");

    public async ValueTask InitializeAsync() => database = await TestPostgres.CreateDatabaseAsync();

    public async ValueTask DisposeAsync()
    {
        await database.DisposeAsync();
        folder.Delete(recursive: true);
    }

    [Fact]
    public async Task An_admin_is_told_by_mail_of_a_sync_that_failed()
    {
        await using var host = await RunningHost.StartAsync(new()
        {
            ["ConnectionStrings__Postgres"] = database.ConnectionString,
            ["Storage__Folder"] = Path.Combine(folder.FullName, "storage"),
            ["Mail__Folder"] = Mails,
        });
        await AddAdminAsync();
        using var registered = await host.Client.PostAsJsonAsync("/v1/sites", new { name = "music" }, Cancellation);
        using var begun = await host.Client.PostAsJsonAsync("/v1/sites/music/syncs", new { environment = "production", files = Array.Empty<object>() }, Cancellation);
        var sync = (await begun.Content.ReadFromJsonAsync<JsonElement>(Cancellation)).GetProperty("syncId").GetGuid();
        using var reported = await host.Client.PostAsJsonAsync(
            $"/v1/sites/music/syncs/{sync}/report",
            new { seconds = 3, uploadedObjects = 0, uploadedBytes = 0, failedUploads = 0, failure = "The folder changed while it was sent." },
            Cancellation);
        Assert.True(reported.IsSuccessStatusCode);
        using var longest = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        longest.CancelAfter(TimeSpan.FromMinutes(1));
        string[] mails;
        while ((mails = Directory.Exists(Mails) ? Directory.GetFiles(Mails, "site-music-alert-*.eml") : []).Length == 0)
        {
            await Task.Delay(50, longest.Token);
        }

        var mail = await File.ReadAllTextAsync(Assert.Single(mails), Cancellation);
        Assert.Contains("admin@example.com", mail, StringComparison.Ordinal);
        Assert.Contains("Subject: music (production): a sync failed", mail, StringComparison.Ordinal);
    }

    private async Task AddAdminAsync()
    {
        await using var connection = new NpgsqlConnection(database.ConnectionString);
        await connection.OpenAsync(Cancellation);
        await using var insert = new NpgsqlCommand(
            """
            with person as (
                insert into accounts."AspNetUsers"
                    ("Id", "Email", "EmailConfirmed", "PhoneNumberConfirmed", "TwoFactorEnabled", "LockoutEnabled", "AccessFailedCount")
                values (gen_random_uuid(), 'admin@example.com', true, false, false, false, 0) returning "Id")
            insert into accounts."AspNetUserRoles" ("UserId", "RoleId")
            select person."Id", role."Id" from person, accounts."AspNetRoles" role where role."Name" = 'admin'
            """,
            connection);
        await insert.ExecuteNonQueryAsync(Cancellation);
    }
}
