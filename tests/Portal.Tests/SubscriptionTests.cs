using Microsoft.Playwright;
using Npgsql;
using Xunit;
using static Microsoft.Playwright.Assertions;

namespace Portal.Tests;

/// <summary>With a host of its own: what reads albums stands still there.</summary>
public sealed class SubscriptionTests(PortalHost host, Browser browser) : IClassFixture<PortalHost>
{
    [Fact]
    public async Task An_admin_sees_why_a_subscription_stopped_tries_again_and_passes_the_event_with_a_reason()
    {
        await AppendAsync("""{"WeddingId": 7, "Emails": "nobody"}""");
        await using var admin = await browser.VisitAsAdminAsync(host, ColorScheme.Dark);
        var page = admin.Page;
        await admin.OpenLiveAsync("/admin/subscriptions");
        var albums = page.GetByRole(AriaRole.Region, new() { Name = "albums", Exact = true });
        await Expect(albums.GetByText("Stopped")).ToBeVisibleAsync();
        await Expect(albums.GetByText("album_requested")).ToBeVisibleAsync();
        await admin.AssertAccessibleAsync();
        await admin.TakePictureAsync("subscription-stopped-desktop-dark");
        await albums.GetByRole(AriaRole.Button, new() { Name = "Retry" }).ClickAsync();
        await StoppedAgainAsync();

        await admin.OpenLiveAsync("/admin/subscriptions");
        await albums.GetByRole(AriaRole.Button, new() { Name = "Pass the event…" }).ClickAsync();
        var dialog = page.GetByRole(AriaRole.Dialog);
        await Expect(dialog.GetByRole(AriaRole.Button, new() { Name = "Pass it" })).ToBeDisabledAsync();
        await dialog.GetByLabel("Why").FillAsync("written by hand");
        await admin.AssertAccessibleAsync();
        await dialog.GetByRole(AriaRole.Button, new() { Name = "Pass it" }).ClickAsync();
        await Expect(albums.GetByText("Running")).ToBeVisibleAsync();
        await albums.GetByRole(AriaRole.Button, new() { Name = "Rebuild albums" }).ClickAsync();

        await admin.OpenLiveAsync("/admin/audit?subject=albums");
        await Expect(page.GetByText("subscription_passed")).ToBeVisibleAsync();
    }

    // Between both it runs, for a moment that nobody may see.
    private async Task StoppedAgainAsync()
    {
        await using var database = NpgsqlDataSource.Create(host.Database);
        await using var query = database.CreateCommand("""
            select exists (select from platform.subscription_decision where name = 'albums')
                and (select error is not null from platform.subscription where name = 'albums')
            """);
        using var longest = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        longest.CancelAfter(TimeSpan.FromMinutes(1));
        while (!(bool)(await query.ExecuteScalarAsync(longest.Token))!)
        {
            await Task.Delay(20, longest.Token);
        }
    }

    // As somebody would who writes into the log by hand.
    private async Task AppendAsync(string request)
    {
        await using var database = NpgsqlDataSource.Create(host.Database);
        await using var insert = database.CreateCommand("""
            with stream as (insert into mt_streams (id, type, version, timestamp, created) values ('album-' || $1, 'album', 1, now(), now()) returning id)
            insert into mt_events (seq_id, id, stream_id, version, data, type, timestamp)
            select nextval('mt_events_sequence'), gen_random_uuid(), id, 1, $2::jsonb, 'album_requested', now() from stream
            """);
        insert.Parameters.Add(new() { Value = Guid.CreateVersion7().ToString() });
        insert.Parameters.Add(new() { Value = request });
        await insert.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
    }
}
