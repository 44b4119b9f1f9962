using System.Net;
using Xunit;

namespace Portal.Tests;

/// <summary>With a host of their own: where one tried too often, nobody signs in for a while.</summary>
public sealed class SignInLimitTests(PortalHost host) : IClassFixture<PortalHost>
{
    [Fact]
    public async Task Who_tries_too_often_is_told_so_in_their_language()
    {
        using var client = host.CreateClient();
        client.DefaultRequestHeaders.Add("Accept", "text/html");
        client.DefaultRequestHeaders.Add("Accept-Language", "de");
        for (var attempt = 0; attempt < 100; attempt++)
        {
            using var answer = await client.GetAsync("/invitation/none", TestContext.Current.CancellationToken);
            if (answer.StatusCode is HttpStatusCode.TooManyRequests)
            {
                Assert.Contains("Das war zu oft", await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
                Assert.NotNull(answer.Headers.RetryAfter);
                return;
            }
        }

        Assert.Fail("It was never too often.");
    }
}
