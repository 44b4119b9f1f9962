using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Platform.Accounts;
using Platform.Costs;
using Platform.Settings;
using Xunit;

namespace Host.Tests;

/// <summary>What the whole product costs, and that every number of it follows from the events.</summary>
public sealed partial class CostApiTests(WebHost host) : IClassFixture<WebHost>
{
    private const int DemoFiles = 4;
    private const int DemoFileBytes = 2_500_000;

    private readonly HttpClient client = host.CreateClient();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>The sums are made here once more: from the JSON of the log, by the prices as they were published, in decimals.</summary>
    [Fact]
    public async Task Every_number_follows_exactly_from_the_events()
    {
        await UploadAsync("ann-bob", 100_000);
        await UploadAsync("ann-bob", 50_000);
        var album = await AlbumAsync("ann-bob");
        await client.GetByteArrayAsync($"/v1/albums/{album}/download", Cancellation);
        await SyncAsync("music");
        await RecordAsync();

        using var change = new HttpRequestMessage(HttpMethod.Put, "/v1/costs/settings") { Headers = { IfMatch = { EntityTagHeaderValue.Any } } };
        change.Content = JsonContent.Create(new { current = "AWS S3", monthlyBudgetUsd = 40.5m });
        using var changed = await client.SendAsync(change, Cancellation);
        Assert.Equal(HttpStatusCode.OK, changed.StatusCode);
        await UploadAsync("cid-dan", 70_000);
        await client.GetByteArrayAsync($"/v1/albums/{album}/download", Cancellation);
        await RecordAsync();
        await host.Services.GetRequiredService<MeterStorage>().MeterAsync(Cancellation);
        await host.Services.GetRequiredService<MeterStorage>().MeterAsync(Cancellation); // a day is metered once

        var expected = await FromEventsAsync();
        var total = await CostsAsync("by=month", expected);
        Assert.Equal(expected.Sum(line => line.Usd), total.GetProperty("total").GetProperty("cost").GetProperty("totalUsd").GetDecimal());
        foreach (var (by, name) in new (string, Func<Line, string>)[]
        {
            ("module", line => line.Module), ("wedding", line => line.Wedding), ("site", line => line.Site), ("album", line => line.Album), ("day", line => line.Day),
        })
        {
            var lines = (await CostsAsync($"by={by}", expected)).GetProperty("items").EnumerateArray();
            Assert.Equal(
                expected.GroupBy(name).Where(group => group.Key.Length > 0).Select(group => (group.Key, group.Sum(line => line.Usd))).OrderBy(sum => sum.Key),
                lines.Select(line => (line.GetProperty("name").GetString()!, line.GetProperty("cost").GetProperty("totalUsd").GetDecimal())).OrderBy(sum => sum.Item1));
        }

        var ofWedding = await CostsAsync("by=module&weddingId=ann-bob", expected);
        Assert.Equal(["albums", "uploads"], ofWedding.GetProperty("items").EnumerateArray().Select(line => line.GetProperty("name").GetString()).Order());
        Assert.Equal(
            expected.Where(line => line.Wedding == "ann-bob").Sum(line => line.Usd),
            ofWedding.GetProperty("total").GetProperty("cost").GetProperty("totalUsd").GetDecimal());

        var month = expected[0].Day[..7];
        var report = (await client.GetFromJsonAsync<JsonElement>($"/v1/costs/months/{month}", Cancellation)).GetProperty("report");
        Assert.Equal(("AWS S3", 40.5m), (report.GetProperty("sheet").GetString(), report.GetProperty("budgetUsd").GetDecimal()));
        Assert.Equal(3, report.GetProperty("comparison").GetArrayLength());
        Assert.Equal("R2", report.GetProperty("comparison")[0].GetProperty("sheet").GetString());
        Assert.True(report.GetProperty("forecastUsd").GetDecimal() >= expected.Sum(line => line.Usd));

        var csv = (await client.GetStringAsync("/v1/costs/export", Cancellation)).Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
        Assert.StartsWith("day,module,weddingId,site,albumId,", csv[0], StringComparison.Ordinal);
        Assert.Equal(expected.Sum(line => line.Usd), csv.Skip(1).Sum(line => decimal.Parse(line.Split(',')[^1], CultureInfo.InvariantCulture)));
        Assert.Contains(csv, line => line.Contains($",albums,ann-bob,,{album},", StringComparison.Ordinal));
        Assert.Contains(csv, line => line.Contains(",sites,,music,,", StringComparison.Ordinal));
    }

    /// <summary>The table in <c>docs/costs.md</c> is what such an album does, and its sums are right.</summary>
    [Fact]
    public async Task The_demo_album_costs_what_was_calculated_by_hand()
    {
        for (var i = 0; i < DemoFiles; i++)
        {
            await UploadAsync("demo", DemoFileBytes);
        }

        var album = await AlbumAsync("demo");
        await client.GetByteArrayAsync($"/v1/albums/{album}/download", Cancellation);
        await RecordAsync();
        await CostsAsync("", await FromEventsAsync());
        var uploads = await UsageAsync("module=uploads&weddingId=demo");
        var packed = await UsageAsync($"albumId={album}");
        var documented = TableLines().Matches(await File.ReadAllTextAsync(Path.Combine(Root(), "docs/costs.md"), Cancellation))
            .ToDictionary(line => line.Groups[1].Value, line => (Amount: Number(line, 2), Price: Number(line, 3), Usd: Number(line, 4)));
        Assert.Equal(
            ["writes of the uploads", "reads of the uploads", "writes of the album", "reads of the album"], documented.Keys);
        Assert.Equal(
            documented.Values.Select(line => line.Amount),
            [uploads.ClassAOperations, uploads.ClassBOperations, packed.ClassAOperations, packed.ClassBOperations]);
        Assert.All(documented.Values, line => Assert.Equal(line.Usd, line.Amount * line.Price));

        static decimal Number(Match line, int group) => decimal.Parse(line.Groups[group].Value.Replace(",", "", StringComparison.Ordinal), CultureInfo.InvariantCulture);
    }

    [Fact]
    public async Task Admins_are_mailed_once_where_a_month_has_used_its_budget()
    {
        await using (var scope = host.Services.CreateAsyncScope())
        {
            var people = scope.ServiceProvider.GetRequiredService<UserManager<Person>>();
            var admin = new Person { UserName = "ann@example.com", Email = "ann@example.com" };
            Assert.True((await people.CreateAsync(admin, "correct horse battery")).Succeeded);
            Assert.True((await people.AddToRoleAsync(admin, AccountRoles.Admin)).Succeeded);
        }

        await UploadAsync("budget", 10_000);
        await RecordAsync();
        await CostsAsync("", await FromEventsAsync());
        var settings = host.Services.GetRequiredService<LiveSettings<CostSettings>>();
        var (current, version) = await settings.ReadAsync(Cancellation);
        await settings.ChangeAsync(current with { MonthlyBudgetUsd = 0.000_001m }, "ann", version, Cancellation);
        var watch = host.Services.GetRequiredService<WatchCosts>();
        await watch.WatchAsync(Cancellation);
        await watch.WatchAsync(Cancellation);
        await settings.ChangeAsync(current, "ann", version + 1, Cancellation);
        var alert = Assert.Single(await watch.ListAsync(host.Services.GetRequiredService<CostReports>().Today, Cancellation));
        Assert.Equal((CostAlertKind.Budget, 100, 0.000_001m), (alert.Kind, alert.Percent, alert.LimitUsd));
        while (!host.Mails().Any(mail => mail.Contains("ann@example.com", StringComparison.Ordinal) && mail.Contains("of the month's budget", StringComparison.Ordinal)))
        {
            await Task.Delay(20, Cancellation);
        }
    }

    [Fact]
    public async Task Costs_are_for_admins_viewers_and_keys_with_their_scope()
    {
        await using var closed = host.WithWebHostBuilder(builder => builder.UseSetting("Auth:AnonymousApi", "false").UseSetting("Roles", "web"));
        var keys = closed.Services.GetRequiredService<ApiKeys>();
        foreach (var (scope, path, isLetIn) in new[]
        {
            ("costs", "/v1/costs", true), ("costs:read", "/v1/costs/export", true), ("albums", "/v1/costs", false), ("costs", "/v1/costs/settings", false),
            ("settings", "/v1/costs/settings", true),
        })
        {
            using var caller = closed.CreateClient();
            Assert.Equal(HttpStatusCode.Unauthorized, (await caller.GetAsync(path, Cancellation)).StatusCode);
            var key = await keys.CreateAsync("books", [scope], "test", null, Cancellation);
            caller.DefaultRequestHeaders.Authorization = new("Bearer", key.Key);
            Assert.Equal((scope, path, isLetIn ? HttpStatusCode.OK : HttpStatusCode.Forbidden), (scope, path, (await caller.GetAsync(path, Cancellation)).StatusCode));
        }
    }

    private async Task RecordAsync() => await host.Services.GetRequiredService<UsageRecorder>().RecordAsync(Cancellation);

    private async Task UploadAsync(string weddingId, int sizeBytes)
    {
        var bytes = new byte[sizeBytes];
        Random.Shared.NextBytes(bytes);
        ((byte[])[0xFF, 0xD8, 0xFF]).CopyTo(bytes, 0);
        using var begun = await client.PostAsJsonAsync(
            "/v1/uploads/init", new { fileName = "a.jpg", contentType = "image/jpeg", sizeBytes, userRole = "creator", userId = "ann", weddingId }, Cancellation);
        var id = (await begun.EnsureSuccessStatusCode().Content.ReadFromJsonAsync<JsonElement>(Cancellation)).GetProperty("uploadId").GetGuid();
        using var chunk = new HttpRequestMessage(HttpMethod.Put, $"/v1/uploads/{id}/chunk") { Content = new ByteArrayContent(bytes), Headers = { { "X-Chunk-Index", "0" } } };
        using var sent = await client.SendAsync(chunk, Cancellation);
        var etag = (await sent.EnsureSuccessStatusCode().Content.ReadFromJsonAsync<JsonElement>(Cancellation)).GetProperty("etag").GetString();
        using var completed = await client.PostAsJsonAsync($"/v1/uploads/{id}/complete", new { parts = new[] { new { chunkIndex = 0, etag } } }, Cancellation);
        completed.EnsureSuccessStatusCode();
    }

    private async Task<Guid> AlbumAsync(string weddingId)
    {
        using var requested = await client.PostAsJsonAsync("/v1/albums", new { weddingId }, Cancellation);
        var album = requested.EnsureSuccessStatusCode().Headers.Location!.OriginalString;
        await client.GetStringAsync($"{album}/progress", Cancellation); // ends with the album
        var id = Guid.Parse(album.Split('/')[^1]);

        // The attempt records what it used a moment after its end. From then on nothing happens by itself.
        await using var database = NpgsqlDataSource.Create(host.Database);
        await using var recorded = database.CreateCommand($"select exists (select from mt_events where type = 'usage_metered' and data::text like '%{id}%')");
        while (await recorded.ExecuteScalarAsync(Cancellation) is false)
        {
            await Task.Delay(20, Cancellation);
        }

        return id;
    }

    private async Task SyncAsync(string site)
    {
        var bytes = "body { color: red }"u8.ToArray();
        var file = new { path = "site.css", sha256 = Convert.ToHexStringLower(SHA256.HashData(bytes)), sizeBytes = bytes.Length, contentType = "text/css" };
        using var registered = await client.PostAsJsonAsync("/v1/sites", new { name = site }, Cancellation);
        using var started = await client.PostAsJsonAsync($"/v1/sites/{site}/syncs", new { environment = "production", files = new[] { file } }, Cancellation);
        var sync = (await started.EnsureSuccessStatusCode().Content.ReadFromJsonAsync<JsonElement>(Cancellation)).GetProperty("syncId").GetGuid();
        using var put = await client.PutAsync($"/v1/sites/{site}/syncs/{sync}/objects/{file.sha256}.css", new ByteArrayContent(bytes), Cancellation);
        put.EnsureSuccessStatusCode();
        using var committed = await client.PostAsync($"/v1/sites/{site}/syncs/{sync}/commit", null, Cancellation);
        committed.EnsureSuccessStatusCode();
    }

    /// <summary>Asks until the read model has seen the events.</summary>
    private async Task<JsonElement> CostsAsync(string query, IReadOnlyList<Line> expected)
    {
        await using var database = NpgsqlDataSource.Create(host.Database);
        while (true)
        {
            await using var seen = database.CreateCommand("select coalesce(sum(cpu_us + stored_bytes), 0)::bigint from costs.day");
            if ((long)(await seen.ExecuteScalarAsync(Cancellation))! == expected.Sum(line => line.Marks))
            {
                return await client.GetFromJsonAsync<JsonElement>($"/v1/costs?{query}", Cancellation);
            }

            await Task.Delay(20, Cancellation);
        }
    }

    private async Task<Usage> UsageAsync(string query) =>
        (await client.GetFromJsonAsync<JsonElement>($"/v1/costs?{query}", Cancellation)).GetProperty("total").GetProperty("usage").Deserialize<Usage>(JsonSerializerOptions.Web);

    private async Task<IReadOnlyList<Line>> FromEventsAsync()
    {
        await using var database = NpgsqlDataSource.Create(host.Database);
        await using var query = database.CreateCommand(
            """
            select type, data from mt_events where type in ('usage_metered', 'storage_metered') or (type = 'settings_changed' and stream_id = 'settings-costs')
            order by seq_id
            """);
        await using var rows = await query.ExecuteReaderAsync(Cancellation);
        var (lines, isAws) = (new List<Line>(), false);
        while (await rows.ReadAsync(Cancellation))
        {
            using var e = JsonDocument.Parse(rows.GetString(1));
            if (rows.GetString(0) == "settings_changed")
            {
                isAws = e.RootElement.GetProperty("Settings").GetProperty("Current").GetString() == "AWS S3";
                continue;
            }

            foreach (var line in e.RootElement.GetProperty("Lines").EnumerateArray())
            {
                lines.Add(Priced(e.RootElement.GetProperty("At").GetDateTimeOffset(), line.GetProperty("Account"), line.GetProperty("Usage"), isAws));
            }
        }

        return lines;
    }

    private static Line Priced(DateTimeOffset at, JsonElement account, JsonElement usage, bool isAws)
    {
        var days = DateTime.DaysInMonth(at.Year, at.Month);
        var usd = Exact(((N("ClassAOperations") * (isAws ? 5.00m : 4.50m)) + (N("ClassBOperations") * (isAws ? 0.40m : 0.36m))) / 1_000_000)
            + Exact(N("BytesOut") * (isAws ? 0.09m : 0) / 1_000_000_000)
            + Exact(N("CpuMicroseconds") * 0.0108m / 3_600_000_000)
            + Exact(N("StoredBytes") * (isAws ? 0.023m : 0.015m) / 1_000_000_000 / days);
        return new Line(
            at.UtcDateTime.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture), T("Module"), T("WeddingId"), T("Site"), T("AlbumId"), usd, N("CpuMicroseconds") + N("StoredBytes"));

        long N(string member) => usage.GetProperty(member).GetInt64();
        string T(string member) => account.GetProperty(member).GetString() ?? "";
        static decimal Exact(decimal value) => Math.Round(value, 12, MidpointRounding.ToEven);
    }

    private static string Root()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Monolith.sln")))
        {
            folder = Path.GetDirectoryName(folder)!;
        }

        return folder;
    }

    [GeneratedRegex(@"^\| ([a-z ]+) \| ([\d,]+) \| \$([\d.]+) \| \$([\d.]+) \|", RegexOptions.Multiline)]
    private static partial Regex TableLines();

    private sealed record Line(string Day, string Module, string Wedding, string Site, string Album, decimal Usd, long Marks);
}
