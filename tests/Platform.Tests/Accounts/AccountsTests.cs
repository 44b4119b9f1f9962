using System.Net;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Platform.Accounts;
using Platform.Events;
using Testing;
using Xunit;

namespace Platform.Tests.Accounts;

public sealed class AccountsTests : IAsyncLifetime
{
    private const string Email = "ann@example.com";
    private const string Password = "correct horse battery";

    private TestDatabase database = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => database = await TestPostgres.CreateDatabaseAsync();

    public ValueTask DisposeAsync() => database.DisposeAsync();

    [Fact]
    public async Task Nodes_that_start_at_once_make_the_tables_once_and_of_their_links_one_makes_the_first_admin()
    {
        var nodes = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => AccountsHost.StartAsync(database.ConnectionString)));
        var made = await Task.WhenAll(nodes.Select(async (node, index) =>
        {
            try
            {
                var email = $"admin{index}@example.com";
                return (await node.WithAsync<Invitations, IdentityResult>(links => links.RedeemAsync(node.FirstToken!, email, Password, Cancellation))).Succeeded;
            }
            catch (CommandRefusedException refused) when (refused.Code == "INVITATION_INVALID")
            {
                return false;
            }
        }));

        Assert.Single(made, succeeded => succeeded);
        await using var late = await AccountsHost.StartAsync(database.ConnectionString);
        Assert.Null(late.FirstToken);
        await Task.WhenAll(nodes.Select(node => node.DisposeAsync().AsTask()));
    }

    [Fact]
    public async Task The_tables_are_those_of_Identitys_model()
    {
        await using var node = await AccountsHost.StartAsync(database.ConnectionString);
        await using var other = await TestPostgres.CreateDatabaseAsync();
        var script = await node.WithAsync<AccountsDb, string>(db => Task.FromResult(db.Database.GenerateCreateScript()));
        await ExecuteAsync(other, script);
        var wanted = await ColumnsAsync(other);
        Assert.Contains("AspNetUserPasskeys.Data jsonb NO", wanted);
        Assert.Equal(wanted, await ColumnsAsync(database));
    }

    [Fact]
    public async Task The_first_admins_link_makes_an_account_once_and_a_weak_password_leaves_it_as_it_was()
    {
        await using var node = await AccountsHost.StartAsync(database.ConnectionString);
        var token = node.FirstToken!;
        Assert.Equal("admin", await node.WithAsync<Invitations, string?>(links => links.RoleOfAsync(token, Cancellation)));
        Assert.False((await RedeemAsync(node, token, "short")).Succeeded);
        Assert.True((await RedeemAsync(node, token, Password)).Succeeded);
        Assert.Null(await node.WithAsync<Invitations, string?>(links => links.RoleOfAsync(token, Cancellation)));
        var again = await Assert.ThrowsAsync<CommandRefusedException>(() => RedeemAsync(node, token, Password));
        Assert.Equal("INVITATION_INVALID", again.Code);
        Assert.DoesNotContain(token, await DumpAsync("select string_agg(i::text, ' ') from accounts.invitation i"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_session_holds_on_every_node_until_it_is_ended_on_one_of_them()
    {
        await using var node = await AccountsHost.StartAsync(database.ConnectionString);
        await using var other = await AccountsHost.StartAsync(database.ConnectionString);
        await RedeemAsync(node, node.FirstToken!, Password);
        var cookies = new CookieContainer();
        using var browser = node.Browser(cookies);
        using var elsewhere = other.Browser(cookies);
        Assert.Equal("/sign-in", (await browser.GetAsync("/admins", Cancellation)).Headers.Location!.AbsolutePath);
        Assert.Equal("Succeeded", await SignInAsync(browser, Password));
        using var answer = await browser.GetAsync("/admins", Cancellation);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.False(answer.Headers.Contains("Set-Cookie"), "An answer under way would bring back the cookie of somebody who signs out.");
        Assert.Equal(HttpStatusCode.OK, (await elsewhere.GetAsync("/viewers", Cancellation)).StatusCode);

        await node.Services.GetRequiredService<People>().EndSessionsAsync(await PersonIdAsync(), "ann", Cancellation);
        Assert.Equal(HttpStatusCode.Redirect, (await elsewhere.GetAsync("/admins", Cancellation)).StatusCode);
    }

    [Fact]
    public async Task A_change_of_a_role_is_on_record_or_did_not_happen_and_one_admin_is_left()
    {
        await using var node = await AccountsHost.StartAsync(database.ConnectionString);
        await RedeemAsync(node, node.FirstToken!, Password);
        var people = node.Services.GetRequiredService<People>();
        var ann = await PersonIdAsync();
        var only = await Assert.ThrowsAsync<CommandRefusedException>(() => people.ChangeRoleAsync(ann, AccountRoles.Viewer, "ann", Cancellation));
        Assert.Equal("LAST_ADMIN", only.Code);

        var invitations = node.Services.GetRequiredService<Invitations>();
        var link = await invitations.CreateAsync(AccountRoles.Admin, "ann", Cancellation);
        Assert.True((await invitations.RedeemAsync(link, "ben@example.com", Password, Cancellation)).Succeeded);
        await DumpAsync("alter table accounts.change add constraint full_disk check (false) not valid; select 'no more records'");
        await Assert.ThrowsAsync<PostgresException>(() => people.ChangeRoleAsync(ann, AccountRoles.Viewer, "ben", Cancellation));
        Assert.Equal(["admin", "admin"], (await people.ListAsync(Cancellation)).Select(person => person.Role));
        await DumpAsync("alter table accounts.change drop constraint full_disk; select 'again'");

        await people.ChangeRoleAsync(ann, AccountRoles.Viewer, "ben", Cancellation);
        await people.ChangeRoleAsync(ann, AccountRoles.Viewer, "ben", Cancellation);
        Assert.Equal(["viewer", "admin"], (await people.ListAsync(Cancellation)).OrderBy(person => person.PersonId != ann).Select(person => person.Role));
        Assert.Equal("role_changed_to_viewer by ben", await DumpAsync("select string_agg(what || ' by ' || changed_by, ', ') from accounts.change"));
    }

    [Fact]
    public async Task A_viewer_may_look_and_is_told_so_where_only_admins_may_come()
    {
        await using var node = await AccountsHost.StartAsync(database.ConnectionString);
        var invitation = await node.WithAsync<Invitations, string>(links => links.CreateAsync(AccountRoles.Viewer, "ann", Cancellation));
        await RedeemAsync(node, invitation, Password);
        using var browser = node.Browser();
        await SignInAsync(browser, Password);
        Assert.Equal(HttpStatusCode.OK, (await browser.GetAsync("/viewers", Cancellation)).StatusCode);
        Assert.Equal("/denied", (await browser.GetAsync("/admins", Cancellation)).Headers.Location!.AbsolutePath);
    }

    [Fact]
    public async Task Five_wrong_passwords_lock_the_account_and_twenty_attempts_a_minute_are_all_an_address_has()
    {
        await using var node = await AccountsHost.StartAsync(database.ConnectionString);
        await RedeemAsync(node, node.FirstToken!, Password);
        using var browser = node.Browser();
        for (var attempt = 1; attempt < 5; attempt++)
        {
            Assert.Equal("Failed", await SignInAsync(browser, "wrong"));
        }

        Assert.Equal("LockedOut", await SignInAsync(browser, "wrong"));
        Assert.Equal("LockedOut", await SignInAsync(browser, Password));
        HttpResponseMessage last;
        var attempts = 6;
        do
        {
            last = await browser.PostAsync($"/sign-in?email={Email}&password=x", null, Cancellation);
        }
        while (last.StatusCode is HttpStatusCode.OK && ++attempts < 50);

        Assert.Equal((HttpStatusCode.TooManyRequests, 20), (last.StatusCode, attempts));
        Assert.True(last.Headers.RetryAfter!.Delta > TimeSpan.Zero);
    }

    [Fact]
    public async Task An_account_with_a_second_factor_is_open_only_with_its_code()
    {
        await using var node = await AccountsHost.StartAsync(database.ConnectionString);
        await RedeemAsync(node, node.FirstToken!, Password);
        var key = await node.WithAsync<UserManager<Person>, string>(async people =>
        {
            var person = (await people.FindByEmailAsync(Email))!;
            await people.ResetAuthenticatorKeyAsync(person);
            await people.SetTwoFactorEnabledAsync(person, true);
            return (await people.GetAuthenticatorKeyAsync(person))!;
        });
        using var browser = node.Browser();
        Assert.Equal("RequiresTwoFactor", await SignInAsync(browser, Password));
        Assert.Equal(HttpStatusCode.Redirect, (await browser.GetAsync("/viewers", Cancellation)).StatusCode);
        Assert.Equal("Succeeded", await (await browser.PostAsync($"/sign-in/code?code={Totp.CodeOf(key)}", null, Cancellation)).Content.ReadAsStringAsync(Cancellation));
        Assert.Equal(HttpStatusCode.OK, (await browser.GetAsync("/admins", Cancellation)).StatusCode);
    }

    [Fact]
    public async Task A_passkey_is_kept_and_finds_its_owner()
    {
        await using var node = await AccountsHost.StartAsync(database.ConnectionString);
        await RedeemAsync(node, node.FirstToken!, Password);
        await node.WithAsync<UserManager<Person>, bool>(async people =>
        {
            var passkey = new UserPasskeyInfo([1, 2, 3], [4], DateTimeOffset.UnixEpoch, 7, ["usb"], true, false, false, [5], [6]) { Name = "stick" };
            Assert.True((await people.AddOrUpdatePasskeyAsync((await people.FindByEmailAsync(Email))!, passkey)).Succeeded);
            return true;
        });
        var owner = await node.WithAsync<UserManager<Person>, Person?>(people => people.FindByPasskeyIdAsync([1, 2, 3]));
        Assert.Equal(Email, owner!.Email);
        var kept = await node.WithAsync<UserManager<Person>, IList<UserPasskeyInfo>>(people => people.GetPasskeysAsync(owner));
        Assert.Equal(("stick", 7u), (Assert.Single(kept).Name, kept[0].SignCount));
    }

    private static Task<IdentityResult> RedeemAsync(AccountsHost node, string token, string password) =>
        node.WithAsync<Invitations, IdentityResult>(links => links.RedeemAsync(token, Email, password, Cancellation));

    private static async Task<string> SignInAsync(HttpClient browser, string password) =>
        await (await browser.PostAsync($"/sign-in?email={Email}&password={password}", null, Cancellation)).Content.ReadAsStringAsync(Cancellation);

    private async Task<Guid> PersonIdAsync() => Guid.Parse(await DumpAsync("""select "Id"::text from accounts."AspNetUsers" """));

    private async Task<string> DumpAsync(string sql)
    {
        await using var source = NpgsqlDataSource.Create(database.ConnectionString);
        await using var query = source.CreateCommand(sql);
        return (string)(await query.ExecuteScalarAsync(Cancellation))!;
    }

    private static async Task ExecuteAsync(TestDatabase target, string sql)
    {
        await using var source = NpgsqlDataSource.Create(target.ConnectionString);
        await using var command = source.CreateCommand(sql);
        await command.ExecuteNonQueryAsync(Cancellation);
    }

    private static async Task<List<string>> ColumnsAsync(TestDatabase of)
    {
        await using var source = NpgsqlDataSource.Create(of.ConnectionString);
        await using var query = source.CreateCommand("""
            select table_name || '.' || column_name || ' ' || data_type || coalesce(character_maximum_length::text, '') || ' ' || is_nullable
            from information_schema.columns where table_schema = 'accounts' and table_name like 'AspNet%'
            union all select indexdef from pg_indexes where schemaname = 'accounts' and tablename like 'AspNet%' order by 1
            """);
        await using var rows = await query.ExecuteReaderAsync(Cancellation);
        var columns = new List<string>();
        while (await rows.ReadAsync(Cancellation))
        {
            columns.Add(rows.GetString(0));
        }

        return columns;
    }
}
