using System.Reflection;
using System.Text.RegularExpressions;
using Albums.Contracts;
using Assets.Contracts;
using Platform.Accounts;
using Platform.Events;
using Platform.Jobs;
using Platform.Settings;
using Weddings.Contracts;
using Xunit;

namespace Architecture.Tests;

/// <summary>A page that stands open keeps the identity it began with, so its commands look anew whether their giver may: all of them go through Acting.</summary>
public sealed partial class PortalCommandTests
{
    private static readonly Type[] Giveable =
        [typeof(IAlbums), typeof(ISites), typeof(IWeddings), typeof(Subscriptions), typeof(ApiKeys), typeof(People), typeof(Invitations), typeof(EditableSettings), typeof(JobQueue)];

    // Who gives them is taken from the request, or they are a job's.
    private static readonly string[] WithoutGiver = [nameof(ISites.ActivateAsync), nameof(ISites.AllowCdnHostsAsync), nameof(IWeddings.RegisterAsync), "EnqueueAsync"];

    [Fact]
    public void Every_command_of_an_admin_page_is_given_through_Acting()
    {
        var commands = Giveable.SelectMany(type => type.GetMethods(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly))
            .Where(method => method.GetParameters().Any(parameter => parameter.Name == "by") || WithoutGiver.Contains(method.Name))
            .Select(method => method.Name)
            .ToHashSet();
        Assert.Superset(new HashSet<string> { "ReplayAsync", "PassAsync", "RevokeAsync", "ChangeRoleAsync", "CreateAsync", "ActivateAsync", "EnqueueAsync" }, commands);

        var given = Sources.Pages()
            .Where(page => !page.Text.Contains("HttpContext Http", StringComparison.Ordinal)) // a page of one request, which was authorised
            .SelectMany(page => Calls().Matches(page.Text).Where(call => commands.Contains(call.Groups[1].Value)).Select(call => (page.Path, call, page.Text)))
            .ToArray();
        Assert.True(given.Length > 15, $"Only {given.Length} commands were found.");
        Assert.Empty(given.Where(each => !IsThroughActing(each.Text, each.call.Index)).Select(each => $"{each.Path}: {each.call.Value}"));
    }

    [Fact]
    public void A_command_beside_Acting_is_seen()
    {
        Assert.True(IsThroughActing("x; refusal = await Acting.TryAsync(by => Albums.ReplayAsync(id, by));", 46));
        Assert.False(IsThroughActing("await Acting.TryAsync(x);\n\n await Albums.ReplayAsync(id);", 42));
    }

    // Within one member or attribute: what stands before the call says through what it goes.
    private static bool IsThroughActing(string text, int call)
    {
        var statement = text[..call];
        var start = Math.Max(statement.LastIndexOf("\n\n", StringComparison.Ordinal), statement.LastIndexOf("@onclick", StringComparison.Ordinal));
        return statement[Math.Max(start, 0)..] is var before
            && (before.Contains("Acting.TryAsync(", StringComparison.Ordinal) || before.Contains("DoAsync(", StringComparison.Ordinal));
    }

    [GeneratedRegex(@"(?<=\.)(\w+Async)\b")]
    private static partial Regex Calls();
}
