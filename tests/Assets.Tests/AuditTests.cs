using System.Net.Http.Json;
using Npgsql;
using Platform.Storage;
using Xunit;

namespace Assets.Tests;

/// <summary>What people do to a bucket, and how it is found and repaired.</summary>
public sealed class AuditTests : SiteTest
{
    [Fact]
    public async Task Lost_and_damaged_objects_are_found_and_sent_again()
    {
        Write("a.txt", "first");
        Write("b.txt", "second");
        Write("c.txt", "third");
        await SyncAsync();
        Assert.Empty((await AuditAsync()).Missing);
        var keys = (await Inner.ListAsync($"sites/{Site}/objects/", null, Cancel)).Objects.Select(found => found.Key).ToArray();
        await Inner.DeleteAsync(keys[0], Cancel);
        await using (var body = new BufferBody("other"u8.ToArray()[..3], 0))
        {
            await Inner.PutAsync(keys[1], body, 3, "text/plain", Cancel);
        }

        var report = await AuditAsync(repair: true);
        Assert.Equal(keys[..2].Select(key => key.Split('/')[^1]), report.Missing);
        var repaired = await SyncAsync(options => options with { Full = true });
        Assert.Equal(("activated", 2), (repaired.Outcome, repaired.UploadedObjects));
        Assert.Empty((await AuditAsync()).Missing);
        await AssertServedAsync();
        Assert.Equal("unchanged", (await SyncAsync(options => options with { Full = true })).Outcome);
    }

    [Fact]
    public async Task A_lost_table_is_filled_again_and_nothing_is_sent()
    {
        Write("a.txt", "first");
        await SyncAsync();
        await using (var database = NpgsqlDataSource.Create(ConnectionString))
        {
            await using var lose = database.CreateCommand("delete from assets.object");
            await lose.ExecuteNonQueryAsync(Cancel);
        }

        Assert.Empty((await AuditAsync(repair: true)).Missing);
        Write("b.txt", "second");
        Assert.Equal(1, (await SyncAsync()).UploadedObjects);
        await AssertServedAsync();
    }

    [Fact]
    public async Task What_belongs_to_nothing_is_found_after_a_day_and_removed()
    {
        Write("a.txt", "first");
        await SyncAsync();
        await using (var body = new BufferBody("stray"u8.ToArray(), 0))
        {
            await Inner.PutAsync($"sites/{Site}/objects/stray.txt", body, 5, "text/plain", Cancel);
        }

        Assert.Empty((await AuditAsync(repair: true)).Foreign);
        Clock.Shift = TimeSpan.FromDays(2);
        Assert.Equal(["stray.txt"], (await AuditAsync()).Foreign);
        Assert.Equal(["stray.txt"], (await AuditAsync(repair: true)).Foreign);
        Assert.Empty((await AuditAsync()).Foreign);
        await AssertServedAsync();
    }

    private async Task<AuditReport> AuditAsync(bool repair = false)
    {
        using var answer = await Server.Client.PostAsJsonAsync($"/v1/sites/{Site}/audit", new AuditSite(repair), Cancel);
        return (await answer.EnsureSuccessStatusCode().Content.ReadFromJsonAsync<AuditReport>(Cancel))!;
    }
}
