using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Playwright;
using Platform.Accounts;
using Xunit;
using static Microsoft.Playwright.Assertions;

namespace Portal.Tests;

public sealed class AdminTests(PortalHost host, Browser browser) : IClassFixture<PortalHost>
{
    [Fact]
    public async Task An_admin_finds_a_failed_album_by_filter_reads_why_and_replays_it()
    {
        await host.CompletedAlbumAsync("anna-ben");
        var failed = await host.FailedAlbumAsync("kim-lee");
        await using var admin = await browser.VisitAsAdminAsync(host);
        var page = admin.Page;
        await admin.OpenLiveAsync("/admin/albums");
        await Expect(page.GetByRole(AriaRole.Link, new() { Name = "anna-ben" })).ToBeVisibleAsync();

        var ofFailed = page.GetByRole(AriaRole.Button, new() { Name = "Failed" });
        await ofFailed.ClickAsync();
        await Expect(ofFailed).ToHaveAttributeAsync("aria-pressed", "true"); // what is typed is added to what the page shows
        await page.GetByLabel("Wedding or album").FillAsync("KIM");
        await page.WaitForURLAsync("**/admin/albums?*q=KIM*", Visitor.AtOnce);
        Assert.Contains("status=Failed", page.Url, StringComparison.Ordinal);
        await Expect(page.GetByRole(AriaRole.Row)).ToHaveCountAsync(2); // and the head
        await page.ReloadAsync();
        await Expect(page.GetByRole(AriaRole.Row)).ToHaveCountAsync(2);
        await page.Locator("main[data-live]").WaitForAsync();

        await page.GetByRole(AriaRole.Link, new() { Name = "kim-lee" }).ClickAsync();
        await page.WaitForURLAsync($"**/admin/albums/{failed}", Visitor.AtOnce);
        await Expect(page.GetByText("NO_FILES").First).ToBeVisibleAsync();
        await Expect(page.GetByRole(AriaRole.Cell, new() { Name = "not-there.jpg" }).Or(page.GetByRole(AriaRole.Rowheader, new() { Name = "not-there.jpg" }))).ToBeVisibleAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Replay" }).ClickAsync();
        await Expect(page.GetByText("album_replayed")).ToBeVisibleAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Attempts" }).ClickAsync();
        await Expect(page.GetByText("file_skipped")).ToHaveCountAsync(0);
    }

    [Fact]
    public async Task A_deleted_album_leaves_its_page()
    {
        var album = await host.CompletedAlbumAsync("priya-raj");
        await using var admin = await browser.VisitAsAdminAsync(host);
        await admin.OpenLiveAsync($"/admin/albums/{album}");
        await admin.Page.GetByRole(AriaRole.Button, new() { Name = "Delete…" }).ClickAsync();
        await admin.AssertAccessibleAsync();
        await admin.Page.GetByRole(AriaRole.Dialog).GetByRole(AriaRole.Button, new() { Name = "Delete" }).ClickAsync();
        await Expect(admin.Page.GetByText("The album was deleted.")).ToBeVisibleAsync();
    }

    [Fact]
    public async Task Pages_of_admins_are_for_those_who_signed_in_and_a_viewer_changes_nothing()
    {
        var failed = await host.FailedAlbumAsync("viewed");
        await (await browser.VisitAsAdminAsync(host)).DisposeAsync();
        await using var visitor = await browser.VisitAsync(host);
        var page = visitor.Page;
        await page.GotoAsync($"/admin/albums/{failed}");
        await Expect(page.GetByRole(AriaRole.Heading, new() { Name = "Sign in" })).ToBeVisibleAsync();
        await visitor.AssertAccessibleAsync();
        await page.GetByLabel("E-mail").FillAsync("vera@example.com");
        await page.GetByLabel("Password").FillAsync("not the password");
        await page.GetByRole(AriaRole.Button).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Alert)).ToContainTextAsync("not right");

        await page.GotoAsync(AccountPaths.InvitationOf(await host.InviteAsync(AccountRoles.Viewer)));
        await page.GetByLabel("E-mail").FillAsync("vera@example.com");
        await page.GetByLabel("Password").FillAsync(PortalHost.Password);
        await page.GetByRole(AriaRole.Button).ClickAsync();
        await page.WaitForURLAsync("**/admin", Visitor.AtOnce);
        await visitor.OpenLiveAsync($"/admin/albums/{failed}");
        await Expect(page.GetByText("NO_FILES").First).ToBeVisibleAsync();
        await Expect(page.GetByRole(AriaRole.Button, new() { Name = "Replay" })).ToHaveCountAsync(0);
        await page.GotoAsync("/admin/settings");
        await Expect(page.GetByRole(AriaRole.Heading, new() { Name = "This page is for admins" })).ToBeVisibleAsync();
        await visitor.SignOutAsync();
        await Expect(page.GetByRole(AriaRole.Heading, new() { Name = "Sign in" })).ToBeVisibleAsync();
    }

    [Fact]
    public async Task An_admin_sees_what_became_of_a_site_s_syncs()
    {
        var cancellation = TestContext.Current.CancellationToken;
        using var client = host.CreateClient();
        using var registered = await client.PostAsJsonAsync("/v1/sites", new { name = "records" }, cancellation);
        foreach (var (files, failure) in new[] { (0, default(string)), (2, "the disk is full") })
        {
            using var begun = await client.PostAsJsonAsync(
                "/v1/sites/records/syncs",
                new
                {
                    environment = "staging",
                    files = Enumerable.Range(0, files).Select(i => new { path = $"{i}.txt", sha256 = new string('a', 64), sizeBytes = 1, contentType = "text/plain" }),
                },
                cancellation);
            var sync = (await begun.Content.ReadFromJsonAsync<JsonElement>(cancellation)).GetProperty("syncId").GetGuid();
            using var committed = await client.PostAsync($"/v1/sites/records/syncs/{sync}/commit", null, cancellation);
            using var reported = await client.PostAsJsonAsync(
                $"/v1/sites/records/syncs/{sync}/report", new { seconds = 3.26, uploadedObjects = 100 - files, uploadedBytes = 1_000_000, failedUploads = files, failure }, cancellation);
            Assert.Equal(HttpStatusCode.NoContent, reported.StatusCode);
        }

        await using var admin = await browser.VisitAsAdminAsync(host);
        await admin.OpenLiveAsync("/admin/sites");
        var site = admin.Page.GetByRole(AriaRole.Region, new() { Name = "records", Exact = true });
        await Expect(site.GetByText("staging: a sync failed. the disk is full")).ToBeVisibleAsync();
        var runs = site.GetByRole(AriaRole.Region, new() { Name = "Last syncs of records" }).GetByRole(AriaRole.Row);
        await Expect(runs).ToHaveCountAsync(3);
        await Expect(runs.Nth(1)).ToContainTextAsync("failed");
        await Expect(runs.Nth(2)).ToContainTextAsync("release 1");
        await Expect(runs.Nth(2)).ToContainTextAsync("3.3 s");
        await Expect(runs.Nth(2)).ToContainTextAsync("$0.000"); // 101 writes and a read, at the price that another test may have changed
        await site.GetByText("Cloudflare: no host may be purged").ClickAsync();
        await site.GetByLabel("Host", new() { Exact = true }).FillAsync("records.example.com");
        await site.GetByLabel("Zone", new() { Exact = true }).FillAsync("no zone");
        await site.GetByRole(AriaRole.Button, new() { Name = "Allow a host of records" }).ClickAsync();
        await Expect(site.GetByRole(AriaRole.Alert)).ToContainTextAsync("32 hex digits");
        await site.GetByLabel("Zone", new() { Exact = true }).FillAsync("023e105f4ecef8ad9ca31a8372d0c353");
        await site.GetByRole(AriaRole.Button, new() { Name = "Allow a host of records" }).ClickAsync();
        await Expect(site.GetByText("Cloudflare: records.example.com")).ToBeVisibleAsync();
        await admin.AssertAccessibleAsync();
    }

    [Fact]
    public async Task An_admin_changes_a_setting_and_sees_who_did()
    {
        await using var admin = await browser.VisitAsAdminAsync(host);
        await admin.OpenLiveAsync("/admin/settings");
        var uploads = admin.Page.GetByRole(AriaRole.Region, new() { Name = "Uploads", Exact = true });
        await uploads.GetByLabel("Largest file").First.FillAsync("2 GiB");
        await uploads.GetByLabel("Types of files that are taken").FillAsync("image/jpeg, video/mp4");
        await uploads.GetByRole(AriaRole.Button, new() { Name = "Save" }).ClickAsync();
        await Expect(uploads.GetByText("v1 by ann")).ToBeVisibleAsync();
        await Expect(uploads.GetByText("Largest file: 10737418240 → 2147483648")).ToBeVisibleAsync();
        await Expect(uploads.GetByLabel("Largest file").First).ToHaveValueAsync("2 GiB");
        await admin.Page.ReloadAsync();
        await admin.Page.Locator("main[data-live]").WaitForAsync();
        await Expect(uploads.GetByLabel("Types of files that are taken")).ToHaveValueAsync("image/jpeg, video/mp4");
        await uploads.GetByLabel("Chunk", new() { Exact = true }).FillAsync("1 MB");
        await uploads.GetByRole(AriaRole.Button, new() { Name = "Save" }).ClickAsync();
        await Expect(uploads.GetByRole(AriaRole.Alert)).ToContainTextAsync("must be");
        await uploads.GetByLabel("Chunk", new() { Exact = true }).FillAsync("plenty");
        await uploads.GetByRole(AriaRole.Button, new() { Name = "Save" }).ClickAsync();
        await Expect(uploads.GetByRole(AriaRole.Alert)).ToContainTextAsync("cannot be read");
    }

    [Fact]
    public async Task An_admin_adds_a_price_sheet_and_pays_by_it()
    {
        await using var admin = await browser.VisitAsAdminAsync(host);
        await admin.OpenLiveAsync("/admin/settings");
        var costs = admin.Page.GetByRole(AriaRole.Region, new() { Name = "Costs", Exact = true });
        await costs.GetByRole(AriaRole.Button, new() { Name = "Add another" }).ClickAsync();
        var sheet = costs.GetByRole(AriaRole.Group, new() { Name = "Separate services on AWS 4" });
        await sheet.GetByLabel("Name").FillAsync("Our cloud");
        await sheet.GetByLabel("Name").PressAsync("Tab");
        await costs.GetByRole(AriaRole.Group, new() { Name = "Our cloud" }).GetByLabel("A GB kept for a month").FillAsync("0.02");
        await costs.GetByLabel("Sheet that is paid").FillAsync("Our cloud");
        await costs.GetByLabel("Budget of a month").FillAsync("40");
        await costs.GetByRole(AriaRole.Button, new() { Name = "Save" }).ClickAsync();
        await Expect(costs.GetByText("v1 by ann")).ToBeVisibleAsync();
        await Expect(costs.GetByText("Sheet that is paid: R2 → Our cloud")).ToBeVisibleAsync();
        await admin.AssertAccessibleAsync();
        await admin.OpenLiveAsync("/admin/costs");
        await Expect(admin.Page.GetByText("Our cloud").First).ToBeVisibleAsync();
        await Expect(admin.Page.GetByText("of $40.00")).ToBeVisibleAsync();
    }

    [Fact]
    public async Task An_admin_has_the_mail_of_an_album_sent_again()
    {
        var album = await host.CompletedAlbumAsync("mailed", emails: ["couple@example.com"]);
        await using var admin = await browser.VisitAsAdminAsync(host);
        await admin.OpenLiveAsync($"/admin/albums/{album}");
        await Expect(admin.Page.GetByText("1 of 1 sent")).ToBeVisibleAsync();
        await admin.Page.GetByRole(AriaRole.Button, new() { Name = "Send the mail again" }).ClickAsync();
        await Expect(admin.Page.GetByText("The mail is on its way.")).ToBeVisibleAsync();
        await admin.Page.GetByRole(AriaRole.Button, new() { Name = "Mails" }).ClickAsync();
        await Expect(admin.Page.GetByText("link_requested")).ToBeVisibleAsync();
        await Expect(admin.Page.GetByText("link_sent")).ToHaveCountAsync(2);
    }

    [Fact]
    public async Task The_inspector_shows_any_stream_and_its_state_behind_each_event()
    {
        var failed = await host.FailedAlbumAsync("inspected");
        await using var admin = await browser.VisitAsAdminAsync(host);
        await admin.OpenLiveAsync($"/admin/streams?q=album-{failed}");
        await admin.Page.GetByRole(AriaRole.Link, new() { Name = $"album-{failed}" }).ClickAsync();
        await Expect(admin.Page.GetByText("album_failed")).ToBeVisibleAsync();
        await admin.Page.GetByRole(AriaRole.Button, new() { Name = "State here" }).Last.ClickAsync();
        var state = admin.Page.GetByRole(AriaRole.Region, new() { Name = "State behind version 1" });
        await Expect(state).ToContainTextAsync("Requested");
        await admin.AssertAccessibleAsync();
    }

    [Fact]
    public async Task Costs_keys_people_and_who_did_what_are_there_for_admins_and_costs_for_viewers()
    {
        await using var admin = await browser.VisitAsAdminAsync(host);
        var page = admin.Page;
        await admin.OpenLiveAsync("/admin/keys");
        await page.GetByLabel("What it is for").FillAsync("frontend");
        await page.GetByLabel("Scopes, with spaces between").FillAsync("uploads albums:read");
        await page.GetByRole(AriaRole.Button, new() { Name = "Make a key" }).ClickAsync();
        await Expect(page.GetByText("The key, shown this once")).ToBeVisibleAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Revoke frontend" }).ClickAsync();
        await Expect(page.GetByText("revoked by ann")).ToBeVisibleAsync();

        await admin.OpenLiveAsync("/admin/people");
        await page.GetByLabel($"Role of {PortalHost.Email}").SelectOptionAsync("viewer");
        await Expect(page.GetByRole(AriaRole.Alert)).ToContainTextAsync("the only admin");
        await page.GetByRole(AriaRole.Button, new() { Name = "Invite a viewer" }).ClickAsync();
        await Expect(page.GetByText("/invitation/")).ToBeVisibleAsync();

        await admin.OpenLiveAsync("/admin/audit?by=ann");
        await Expect(page.GetByText("api_key_revoked")).ToBeVisibleAsync();
        await Expect(page.GetByText("person_invited").First).ToBeVisibleAsync();

        await using var viewer = await browser.VisitAsync(host);
        await viewer.Page.GotoAsync(AccountPaths.InvitationOf(await host.InviteAsync(AccountRoles.Viewer)));
        await viewer.Page.GetByLabel("E-mail").FillAsync("vic@example.com");
        await viewer.Page.GetByLabel("Password").FillAsync(PortalHost.Password);
        await viewer.Page.GetByRole(AriaRole.Button).ClickAsync();
        await viewer.Page.WaitForURLAsync("**/admin", Visitor.AtOnce);
        await viewer.OpenLiveAsync("/admin/costs");
        await Expect(viewer.Page.GetByText("By price sheet")).ToBeVisibleAsync();
        await viewer.OpenLiveAsync("/admin/albums");
        await Expect(viewer.Page.GetByRole(AriaRole.Button, new() { Name = "Replay…" })).ToHaveCountAsync(0);
        foreach (var path in new[] { "/admin/audit", "/admin/keys", "/admin/people", "/admin/settings" })
        {
            await viewer.Page.GotoAsync(path);
            await Expect(viewer.Page.GetByRole(AriaRole.Heading, new() { Name = "This page is for admins" })).ToBeVisibleAsync();
        }
    }
}
